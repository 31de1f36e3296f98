"""How much work each strategy needs until a planted picture comes back for the first time.

    .venv/bin/python benchmarks/strategies.py [--budget 1280] [--controls 60] [--scratch DIR]

Every planted picture is searched on `lab-memorised` under its own caption, 20 steps, guidance 3,
until its first regeneration or the budget: both distances at or below the lab's thresholds, which
are the 1 % points of held-out pictures. As many held-out pictures are searched in the same way: a
strategy that tries more has more chances to be wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from seedlab.home import Lab, opened
from seedlab.truth import Picture
from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.config.reading import load_section
from seedwitness.config.steps import EarlyStopSettings, SearchSettings, StrategySettings
from seedwitness.config.verdicts import CopyCriterionSettings, ScoreSettings
from seedwitness.imaging.alignment import AlignmentSpec
from seedwitness.search import STRATEGIES, case_search
from seedwitness.search.early_stopping import copy_test
from seedwitness.statistics.rates import rate

STEPS, GUIDANCE = 20, 3.0
LITERATURE = 500 * 50 * 2
"""NFE of the literature's search: 500 seeds of 50 steps, with guidance."""
NEAR = 0.4
"""The guide's distance that `rare` aims at, as in conf/search/rare.yaml."""

SHARES = (0.25, 0.5, 0.75, 0.9)


def settings(name: str, budget: int) -> SearchSettings:
    """A search until the first copy."""
    return SearchSettings(
        strategy=StrategySettings(name=name, near=NEAR if name == "subset-simulation" else None),
        budget_nfe=budget,
        prompts=1,
        sampler="ddim",
        steps=STEPS,
        guidance=GUIDANCE,
        batch=32,
        shard=32,
        stop=EarlyStopSettings(copies=1),
    )


def searched(
    loaded: LoadedCheckpoint,
    lab: Lab,
    rows: Sequence[Picture],
    asked: SearchSettings,
    scratch: Path,
) -> dict[str, float]:
    """NFE until the first regeneration of each picture, by its id; infinite where there is none."""
    images = [
        Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
        for pixels in lab.few(list(rows))
    ]
    measured = json.loads(Path("data/lab/measurements/figures.json").read_text())
    limits = measured["lab-memorised"]["thresholds"]
    source = "1 % point of held-out pictures"
    criteria = [
        CopyCriterionSettings(
            metric="descriptor", threshold=1 - limits["descriptor"], source=source
        ),
        CopyCriterionSettings(metric="patch-l2", threshold=limits["patch_l2"], source=source),
    ]
    score = load_section(ScoreSettings, "score")
    which = copy_test(loaded, criteria, score.weights, score.batch, AlignmentSpec(asked.resize))
    todo = {
        row.id: case_search.SearchCase(image, (row.caption,))
        for row, image in zip(rows, images, strict=True)
    }
    outcomes = case_search.search_cases(loaded, todo, asked, scratch, which).outcomes
    return {
        name: float(outcome.nfe) if outcome.ended == "copies" else np.inf
        for name, outcome in outcomes.items()
    }


def figures(nfe: Mapping[str, float], budget: int) -> dict[str, Any]:
    """How many came back, and the NFE within which given shares of all pictures did."""
    spent = np.sort(np.array(list(nfe.values())))
    finite = np.isfinite(spent)
    within = {
        f"{100 * share:.0f} %": float(spent[int(np.ceil(share * len(spent))) - 1])
        for share in SHARES
    }
    return {
        "came_back": asdict(rate(int(finite.sum()), len(spent))),
        "nfe_within_which": {
            name: value if np.isfinite(value) else None for name, value in within.items()
        },
        "nfe_in_all": float(np.where(finite, spent, budget).sum()),
    }


def main() -> None:
    """Measure, and write one JSON object to stdout."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=int, default=1280, help="NFE a picture")
    parser.add_argument("--controls", type=int, default=60)
    parser.add_argument("--pictures", type=int, default=24, help="of each multiplicity")
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES))
    parser.add_argument("--scratch", type=Path, help="the ledger, to go on after a kill")
    asked = parser.parse_args()
    lab = opened(Path("data/lab"))
    loaded = load_checkpoint(
        "lab-memorised",
        load_section(CheckpointSettings, "checkpoints", "lab-memorised"),
    )
    planted = {
        times: [row for row in lab.rows if row.multiplicity == times][: asked.pictures]
        for times in (128, 32, 8)
    }
    held_out = [row for row in lab.rows if row.split == "held_out"][: asked.controls]
    result: dict[str, Any] = {
        "steps": STEPS,
        "guidance": GUIDANCE,
        "budget_nfe": asked.budget,
        "literature_nfe": LITERATURE,
        "strategies": {},
    }
    with tempfile.TemporaryDirectory() as temporary:
        scratch = asked.scratch or Path(temporary)
        for name in asked.strategies:
            rows = [*(row for group in planted.values() for row in group), *held_out]
            nfe = searched(loaded, lab, rows, settings(name, asked.budget), scratch)
            result["strategies"][name] = {
                f"planted {times} times": figures(
                    {row.id: nfe[row.id] for row in group}, asked.budget
                )
                for times, group in planted.items()
            } | {"held out": figures({row.id: nfe[row.id] for row in held_out}, asked.budget)}
    sys.stdout.write(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
