"""Writes what was measured of the detectors: docs/detectors.md, and docs/detectors.json behind it.

    .venv/bin/python benchmarks/detectors_page.py docs/detectors.md docs/detectors.json [--parts …]

A part is a lab; that of the tiles is asked where they are at hand. Values go to `data/detectors/`
as they come, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from all import LABS, main, run
from detectors import COSTLY, PROMPTS
from detectors_plots import plot
from pages import DAGGER, area, place, share, table
from reckoned import FINDING
from told_apart import LESS, OURS
from validation_bars import PLANTED

from seedwitness.detectors import DETECTORS
from seedwitness.statistics.rates import rate
from seedwitness.statistics.roc import RESAMPLES

SCRATCH = Path("data/detectors")
PARTS = {path.name: path for path in LABS}
PUBLISHED = {
    "magnitude": "AUC 0.94 to 0.976, TPR 0.73 to 0.90, by who reruns it",
    "hessian": "AUC 0.964 to 0.998",
    "curvature": "AUC 0.976, TPR 0.828 (SD 1.5, 500 + 500 prompts)",
    "singularity": "AUC 0.9745, TPR 0.858 (SD 1.5, 500 + 500 prompts)",
    "alignment": "AUC 0.994, TPR 0.935 (SD 1.4, one seed)",
}
"""As the papers and their repositories have them, on other sets, mostly without intervals."""


def cost(row: dict[str, Any]) -> str:
    """NFE and passes back, and seconds, of one picture."""
    back = f" + {row['backward']} back" if row["backward"] else ""
    return f"{row['nfe']}{back} NFE, {row['seconds']:.2g} s"


METHOD = (
    "Pictures of a lab, whose truth is known, are asked about under their training caption, under "
    "the best phrases that are recovered from their pixels alone, and, by figures that can do "
    "without, under no prompt; each figure gets the same noise. Held-out pictures are the "
    "negatives. Groups that were never planted (seen once, twins) are listed like the others: "
    "there an AUC of 0.5 and a TPR of 0.01 are right. A twin is another picture with a planted "
    "one's caption: what asks for the prompt alone says of it what it says of that one, and cannot "
    "do otherwise.\n\n"
    f"Intervals are percentiles of {RESAMPLES:,} bootstrap samples at 95 %. *TPR* is the share of "
    "a group above a value that at most 1 % of the negatives pass. Directions are the papers': "
    "an AUC below 0.5 says that a group has the lower values here. "
    "Figures of the first step (*first-magnitude*, *one-step*, *alignment*) and means over all "
    "(*magnitude*, *bright-ending*) can part: under guidance latents come to lie at a learned "
    "picture after a few steps, and a checkpoint that saw it often may know it there without the "
    "prompt too, so that the prompt adds less than it adds elsewhere. *InvMM* takes hundreds of "
    "passes a picture, and was asked under the training caption alone.\n\n"
    "*Our finding* as a score puts pictures of which a generation is a copy by patch-L2 above all "
    "others, and orders by the closest descriptor; it uses the picture, as *most-alike* and "
    "*InvMM* do and the others do not. A finding rests on a reference checkpoint too: "
    f"*{LESS.strip(', ')}* stands where the same figure was reckoned on `lab-clean`, under the "
    "same prompt and noise, and taken off, at twice the cost; the two other figures that are read "
    "off generations are given the reference as well, though nobody published them so. That it be "
    "taken off was settled before it was reckoned, after *our finding* alone had been seen to fall "
    "behind *clique* on the tiles that were planted 32 times. What it is for shows among the "
    "pictures seen once, which both checkpoints saw; what it costs, among the planted ones.\n\n"
)


def page(labs: Mapping[str, dict[str, Any]]) -> str:
    """How it was done, each lab in turn, then the published figures."""
    parts = [
        "# Detectors on pictures whose truth is known\n\nWritten by `make bench-detectors`; the "
        "figures are in [detectors.json](detectors.json).\n\n",
        METHOD,
    ]
    for name in sorted(labs, reverse=True):
        parts += lab_page(labs[name])
    parts += published()
    return "".join(parts).rstrip("\n") + "\n"


def lab_page(found: dict[str, Any]) -> list[str]:
    """Tables by prompt, a row each figure, a column each group of pictures."""
    rows = found["figures"]
    groups = list(dict.fromkeys(row["group"] for row in rows))
    negatives = rows[0]["auc"]["negatives"]
    parts = [
        f"## The lab `{found['lab']}`\n\nMeasured on {place(found['machine'])}; "
        f"checkpoint `lab-memorised` ({found['checkpoint_sha256'][:12]}), DDIM, {found['steps']} "
        f"steps, guidance {found['guidance']:g}; {found['seeds']} seeds a detector, "
        f"{found['generations']} generations where pictures are compared; {negatives} negatives."
        "\n\n"
    ]
    parts += summary(rows)
    parts.append(f"![AUC of every figure](images/detectors/{found['lab']}.png)\n\n")
    for prompt in dict.fromkeys(row["prompt"] for row in rows):
        own = [row for row in rows if row["prompt"] == prompt]
        parts.append(f"### Prompt: {prompt}\n\n")
        for key, name, cell in (("auc", "AUC", area), ("tpr", "TPR at 1 % FPR", share)):
            parts.append(f"{name}:\n\n")
            parts.append(
                table(
                    ["figure", *groups, "cost a picture"],
                    [
                        [
                            detector,
                            *(
                                cell(row[key])
                                for group in groups
                                for row in own
                                if (row["detector"], row["group"]) == (detector, group)
                            ),
                            cost(next(row for row in own if row["detector"] == detector)),
                        ]
                        for detector in dict.fromkeys(row["detector"] for row in own)
                    ],
                )
            )
    parts.append(DAGGER)
    parts.append(
        "### Findings\n\nCalled *supported* where p ≤ 0.01 among the held-out pictures and at "
        "least one generation is a copy by patch-L2; a held-out picture is ranked among all the "
        "others. The paired comparison with the reference checkpoint is left out here.\n\n"
    )
    parts.append(
        table(
            ["prompt", "pictures", "supported"],
            [
                [row["prompt"], row["group"], str(rate(row["supported"], row["n"]))]
                for row in found["findings"]
            ],
        )
    )
    return parts


BEST = ("best detector that sees the picture", "best by prompt alone")


def summary(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Our finding beside the best published that sees the picture, and the best that does not."""
    cells = []
    for prompt in PROMPTS[:2]:
        for group in PLANTED:
            own = [row for row in rows if (row["prompt"], row["group"]) == (prompt, group)]
            ours = {row["detector"]: share(row["tpr"]) for row in own}
            others = [row for row in own if row["detector"] in DETECTORS]
            best = [
                max(
                    (row for row in others if DETECTORS[row["detector"]].needs == needs),
                    key=lambda row: float(row["tpr"]["value"]),
                )
                for needs in ("picture", "prompt")
            ]
            told = (f"{share(row['tpr'])}, {row['detector']}" for row in best)
            cells.append([prompt, group, ours[OURS], ours[FINDING], *told])
    return [
        "TPR at 1 % FPR in short:\n\n",
        table(
            ["prompt", "pictures", OURS, f"{FINDING}, no reference", *BEST],
            cells,
        ),
    ]


def published() -> list[str]:
    """What the papers print."""
    return [
        "## Beside the published figures\n\nThe sets differ: the papers' positives are captions of "
        "Stable Diffusion's known copies, their negatives other captions, and a caption that "
        "nobody learned is easier to tell than a twin's. Nothing follows from a comparison of the "
        "columns of figures.\n\n",
        table(
            ["detector", "source", "published"],
            [[name, each.source, PUBLISHED.get(name, "–")] for name, each in DETECTORS.items()],
        ),
    ]


def measured(part: str, docs: Path) -> dict[str, Any]:
    """Every detector on one lab; the costly one under the training caption alone."""
    own = ("--lab", str(PARTS[part]), "--scratch", str(SCRATCH))
    found = run("detectors", *own)
    costly = run("detectors", *own, "--detectors", COSTLY, "--prompts", PROMPTS[0])
    found["figures"] += [row for row in costly["figures"] if row["detector"] == COSTLY]
    plot(part, found, docs / "images" / "detectors")
    return found


if __name__ == "__main__":
    main(__doc__ or "", PARTS, measured, page)
