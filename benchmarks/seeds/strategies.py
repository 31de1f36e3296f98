"""How many NFE each search strategy spends until a planted image is regenerated the first time.

    .venv/bin/python -m benchmarks.seeds.strategies [--budget 1280] [--controls 60] [--scratch DIR]

Every planted image is searched on `lab-memorised` under its own caption, 20 steps, guidance 3,
until its first regeneration or until the budget is spent. A regeneration has both distances at or
below the lab's thresholds, which are the 1 % points of held-out images. Held-out images are
searched in the same way, because a strategy that tries more has more chances to be wrong.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.shared.groups import EXPOSURES, HELD_OUT, IS_IN_GROUP, MEMORISED
from benchmarks.shared.measurement import print_figures
from benchmarks.shared.rates import rate_figures
from seedlab.ground_truth import PictureRecord
from seedlab.lab_folder import Lab, open_lab
from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.config.reading import load_section
from seedwitness.config.steps import EarlyStopSettings, SearchSettings, StrategySettings
from seedwitness.config.verdicts import CopyCriterionSettings, ScoreSettings
from seedwitness.imaging.alignment import AlignmentSpec
from seedwitness.search import STRATEGIES, case_search
from seedwitness.search.early_stopping import make_copy_test

STEPS, GUIDANCE = 20, 3.0
LITERATURE_NFE = 500 * 50 * 2
"""NFE of the literature's search: 500 seeds of 50 steps, with guidance."""

NEAR = 0.4
"""The latent distance that `subset-simulation` aims at, as in its file in conf/search."""

SHARES = (0.25, 0.5, 0.75, 0.9)


def search_settings(strategy: str, budget: int) -> SearchSettings:
    """A search that stops at the first copy."""
    near = NEAR if strategy == "subset-simulation" else None
    return SearchSettings(
        strategy=StrategySettings(name=strategy, near=near),
        budget_nfe=budget,
        prompts=1,
        sampler="ddim",
        steps=STEPS,
        guidance=GUIDANCE,
        batch=32,
        shard=32,
        stop=EarlyStopSettings(copies=1),
    )


def nfe_until_regeneration(
    loaded: LoadedCheckpoint,
    lab: Lab,
    rows: Sequence[PictureRecord],
    settings: SearchSettings,
    scratch: Path,
) -> dict[str, float]:
    """NFE until the first regeneration of each image, by its id; infinite where there is none."""
    images = [
        Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
        for pixels in lab.load_or_draw(list(rows))
    ]
    measurements = json.loads(Path("data/lab/measurements/figures.json").read_text())
    thresholds = measurements[MEMORISED]["thresholds"]
    source = "1 % point of held-out pictures"
    criteria = [
        CopyCriterionSettings(
            metric="descriptor", threshold=1 - thresholds["descriptor"], source=source
        ),
        CopyCriterionSettings(metric="patch-l2", threshold=thresholds["patch_l2"], source=source),
    ]
    score = load_section(ScoreSettings, "score")
    is_copy = make_copy_test(
        loaded, criteria, score.weights, score.batch, AlignmentSpec(settings.resize)
    )
    cases = {
        row.id: case_search.SearchCase(image, (row.caption,))
        for row, image in zip(rows, images, strict=True)
    }
    outcomes = case_search.search_cases(loaded, cases, settings, scratch, is_copy).outcomes
    return {
        name: float(outcome.nfe) if outcome.ended == "copies" else np.inf
        for name, outcome in outcomes.items()
    }


def summarise_nfe(nfe: Mapping[str, float], budget: int) -> dict[str, Any]:
    """How many images were regenerated, and the NFE that given shares of all images took."""
    spent = np.sort(np.array(list(nfe.values())))
    is_finite = np.isfinite(spent)
    nfe_by_share = {
        f"{100 * share:.0f} %": float(spent[int(np.ceil(share * len(spent))) - 1])
        for share in SHARES
    }
    return {
        "came_back": rate_figures(int(is_finite.sum()), len(spent)),
        "nfe_within_which": {
            share: value if np.isfinite(value) else None for share, value in nfe_by_share.items()
        },
        "nfe_in_all": float(np.where(is_finite, spent, budget).sum()),
    }


def main() -> None:
    """Measure, and write one JSON object to stdout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--budget", type=int, default=1280, help="NFE an image")
    parser.add_argument("--controls", type=int, default=60)
    parser.add_argument("--pictures", type=int, default=24, help="images of each exposure")
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES))
    parser.add_argument("--scratch", type=Path, help="latent cache, to resume a run")
    arguments = parser.parse_args()
    lab = open_lab(Path("data/lab"))
    loaded = load_checkpoint(MEMORISED, load_section(CheckpointSettings, "checkpoints", MEMORISED))
    sizes = {**dict.fromkeys(EXPOSURES, arguments.pictures), HELD_OUT: arguments.controls}
    groups = {
        group: [row for row in lab.rows if IS_IN_GROUP[group](row)][:size]
        for group, size in sizes.items()
    }
    rows = [row for group in groups.values() for row in group]
    strategies = {}
    with tempfile.TemporaryDirectory() as temporary:
        scratch = arguments.scratch or Path(temporary)
        for strategy in arguments.strategies:
            settings = search_settings(strategy, arguments.budget)
            nfe = nfe_until_regeneration(loaded, lab, rows, settings, scratch)
            strategies[strategy] = {
                name: summarise_nfe({row.id: nfe[row.id] for row in group}, arguments.budget)
                for name, group in groups.items()
            }
    print_figures(
        {
            "steps": STEPS,
            "guidance": GUIDANCE,
            "budget_nfe": arguments.budget,
            "literature_nfe": LITERATURE_NFE,
            "strategies": strategies,
        }
    )


if __name__ == "__main__":
    main()
