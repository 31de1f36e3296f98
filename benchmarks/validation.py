"""Validates findings on pictures whose truth is known: docs/validation.md and docs/validation.json.

    .venv/bin/python benchmarks/validation.py docs/validation.md docs/validation.json [--parts …]

A part is a lab under one budget, as `lab-160`. Lays pictures out under names that say nothing, has
`blind.py` judge them, which never reads the truth, and only then holds what it said against it.
Held-out pictures are split by hash: the first are controls, the others are judged. What was
generated is kept in `data/validation/`, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
from all import LABS, main, run
from asked import STEPS
from reckoned import FINDING
from scipy.stats import ks_2samp
from told_apart import OURS
from validation_bars import PLANTED
from validation_page import page
from validation_plots import plots

from seedlab.home import Lab, opened
from seedlab.pictures import FOLDER, restore
from seedlab.truth import Picture
from seedwitness.runtime.files import replace_whole
from seedwitness.statistics.likelihood_ratio import calibrate, cllr
from seedwitness.statistics.rates import rate
from seedwitness.statistics.roc import auc, estimate, tpr_at

SCRATCH = Path("data/validation")
CONTROLS, ONCE = 100, 48
PARTS = {f"{path.name}-{budget}": (path, budget) for path in LABS for budget in STEPS}
Row = dict[str, Any]


def by_hash(rows: Sequence[Picture]) -> list[Picture]:
    """In an order that nobody chose."""
    return sorted(rows, key=lambda row: sha256(row.id.encode()).digest())


def chosen(lab: Lab) -> tuple[dict[str, list[Picture]], list[Picture]]:
    """Pictures to be judged, by group; and the controls, which are judged nowhere."""
    held_out = by_hash([row for row in lab.rows if row.split == "held_out"])
    groups = {
        name: by_hash([row for row in lab.rows if row.multiplicity == int(name.split()[1])])
        for name in PLANTED
    }
    groups["once"] = by_hash([row for row in lab.rows if row.split == "once"])[:ONCE]
    groups["twins"] = by_hash([row for row in lab.rows if row.split == "twin"])
    groups["held out"] = held_out[CONTROLS:]
    return groups, held_out[:CONTROLS]


def laid_out(lab: Lab, groups: dict[str, list[Picture]], controls: Sequence[Picture]) -> Path:
    """The folder that is judged: questions, controls and corpus, and no word of which is which."""
    place = SCRATCH / lab.name
    asked = [row for rows in groups.values() for row in rows]
    corpus = [row for row in lab.rows if row.multiplicity > 0]
    for name, rows in (("questions", asked), ("controls", controls), ("corpus", corpus)):
        write_folder(lab, rows, place / name)
    return place


def write_folder(lab: Lab, rows: Sequence[Picture], folder: Path) -> None:
    """Pictures of a lab as an ImageFolder, in place of what was there."""
    restore(lab.settings, lab.path, lab.rows, 1)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    lines = []
    for row in sorted(rows, key=alias):
        shutil.copyfile(lab.path / FOLDER / row.file_name, folder / f"{alias(row)}.png")
        lines.append(json.dumps({"file_name": f"{alias(row)}.png", "text": row.caption}))
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def alias(row: Picture) -> str:
    """A name that says nothing of the picture."""
    return sha256(f"validation/{row.id}".encode()).hexdigest()[:16]


def figures(found: Row, rows: Sequence[Row], groups: Sequence[str], alpha: float) -> Row:
    """What the findings are worth, by way, checkpoint and group."""
    ways = list(dict.fromkeys(each["way"] for each in rows))
    return {
        "rates": [
            {
                "way": way,
                "checkpoint": checkpoint,
                "group": group,
                **{
                    what: asdict(rate(hits, len(own))) for what, hits in counted(own, alpha).items()
                },
            }
            for way in ways
            for checkpoint in found["checkpoints"]
            for group in groups
            for own in [select(rows, way, checkpoint, group)]
        ],
        "told_apart": [
            {
                "way": way,
                "by": name,
                "group": group,
                "tpr": asdict(estimate(tpr_at, own, negatives)),
                "auc": asdict(estimate(auc, own, negatives)),
            }
            for way in ways
            for name, score in SCORES.items()
            for negatives in [[score(*both) for both in pairs(rows, way, "held out")]]
            for group in groups
            if group != "held out"
            for own in [[score(*both) for both in pairs(rows, way, group)]]
        ],
        "exchangeable": [
            exchangeable(
                found["controls"][checkpoint], select(rows, way, checkpoint, group), checkpoint
            )
            | {"way": way, "checkpoint": checkpoint, "group": group}
            for way in ways
            for checkpoint in found["checkpoints"]
            for group in ("held out", "twins", "once")
        ],
        "likelihood": [
            likelihood(rows, way, found["controls"]["lab-memorised"]) | {"way": way} for way in ways
        ],
        "nfe": max(each["nfe"] for each in rows),
    }


def _finding(row: Row) -> float:
    return float(row["statistic"] + 2 * (row["copies"] > 0))


SCORES: dict[str, Callable[[Row, Row], float]] = {
    OURS: lambda row, reference: _finding(row) - _finding(reference),
    FINDING: lambda row, _: _finding(row),
    "descriptor": lambda row, _: float(row["closest"]["descriptor"]),
    "patch-l2": lambda row, _: -float(row["closest"]["patch-l2"]),
    "lpips": lambda row, _: -float(row["closest"]["lpips"]),
    "ssim": lambda row, _: float(row["closest"]["ssim"]),
    "clip": lambda row, _: float(row["closest"]["clip"]),
}
"""Scores of a picture, higher where it is closer, by its findings on lab-memorised and on the
reference. The finding's puts pictures with a copy above all others, and orders by the statistic."""


def select(rows: Sequence[Row], way: str, checkpoint: str, group: str) -> list[Row]:
    """The findings of one group, asked in one way, on one checkpoint."""
    wanted = (way, checkpoint, group)
    return [row for row in rows if (row["way"], row["checkpoint"], row["group"]) == wanted]


def pairs(rows: Sequence[Row], way: str, group: str) -> list[tuple[Row, Row]]:
    """The findings of one group, asked in one way, with those on the reference."""
    own, theirs = (
        {row["picture"]: row for row in select(rows, way, name, group)}
        for name in ("lab-memorised", "lab-clean")
    )
    return [(row, theirs[picture]) for picture, row in own.items()]


def counted(rows: Sequence[Row], alpha: float) -> dict[str, int]:
    """How many findings are so: by their word, by what stood in the way, by what they rest on.

    ``unseen`` are those that were not refused and have p above α, ``no_copy`` those of the others
    that have none; what is left and not supported failed against the reference. ``by_pdq`` would be
    supported, were a copy what is one by PDQ.
    """
    asked = [each for each in rows if not each["refused"]]
    low = [each for each in asked if each["p"] <= alpha]
    return {
        "supported": sum(each["finding"] == "supported" for each in rows),
        "by_pdq": sum(each["by_pdq"] == "supported" for each in rows),
        "inconclusive": sum(each["finding"] == "inconclusive" for each in rows),
        "refused": len(rows) - len(asked),
        "unseen": len(asked) - len(low),
        "no_copy": sum(not each["copies"] for each in low),
        "copied": sum(each["copies"] > 0 for each in rows),
        "significant": sum(each["p"] <= alpha for each in rows),
        "both": sum(each["p"] <= alpha and each["copies"] > 0 for each in rows),
    }


def exchangeable(controls: Sequence[float], rows: Sequence[Row], checkpoint: str) -> Row:
    """Are the statistics of pictures that were never learned spread as the controls' are?

    By the test of Kolmogorov and Smirnov for two samples. p-values that share their controls hang
    together, so that they are no sample of their own.
    """
    own = [row["statistic"] for row in rows]
    tested = ks_2samp(own, controls)
    return {
        "n": len(own),
        "controls": len(controls),
        "distance": float(tested.statistic),
        "p": float(tested.pvalue),
        "p_values": sorted(row["p"] for row in rows),
    }


def likelihood(rows: Sequence[Row], way: str, controls: Sequence[float]) -> Row:
    """Ratios by the calibration that a report would make, of pictures that it did not know.

    It is made on the controls, and on one half of the pictures that were planted 32 and 128 times,
    asked as stated; the other half and the held-out pictures are judged by it.
    """

    def planted(asked: str, half: int) -> list[float]:
        return [
            row["statistic"]
            for group in PLANTED[:2]
            for row in select(rows, asked, "lab-memorised", group)
            if int(row["picture"], 16) % 2 == half
        ]

    made = calibrate(planted("stated", 0), controls)
    ours = [made.ratio(each) for each in planted(way, 1)]
    held_out = select(rows, way, "lab-memorised", "held out")
    theirs = [made.ratio(row["statistic"]) for row in held_out]
    return {
        "cllr": cllr(ours, theirs),
        "calibrated_on": [len(planted("stated", 0)), len(controls)],
        "h1": ours,
        "h2": theirs,
        "misleading_h1": asdict(rate(sum(each < 1 for each in ours), len(ours))),
        "misleading_h2": asdict(rate(sum(each > 1 for each in theirs), len(theirs))),
    }


def measured(part: str, docs: Path) -> Row:
    """Lay out, have judged, hold against the truth, and plot; every finding goes to a table."""
    path, budget = PARTS[part]
    lab = opened(path)
    groups, controls = chosen(lab)
    place = laid_out(lab, groups, controls)
    own = ("--lab", str(path), "--scratch", str(place), "--budget", str(budget))
    judged = run("blind", str(place), *own)
    truth = {alias(row): name for name, own in groups.items() for row in own}
    rows = [{**each, "group": truth[each["picture"]]} for each in judged["findings"]]
    kept = ("device", "checkpoints", "controls", "search", "judge")
    about = {"lab": lab.name, **{key: judged[key] for key in kept}}
    found = about | figures(judged, rows, list(groups), judged["judge"]["alpha"])
    plots(part, found, docs / "images" / "validation")
    with replace_whole(docs / "validation" / f"{part}.parquet") as table:
        pd.json_normalize(rows).to_parquet(table, index=False)
    return found


if __name__ == "__main__":
    main(__doc__ or "", PARTS, measured, page)
