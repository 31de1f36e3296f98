"""Outputs looked for in all of 2^32 by both protocols at once, under the empty prompt.

    .venv/bin/python benchmarks/scan_whole.py [--outputs 10] [--scratch DIR]

They are the first of those that `scan_recovery.py` looks for in windows.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scan_recovery import CHOSEN, NEEDED, captions, made, memorised, outputs, scan_settings
from scan_speed import LEAST, RNGS

from seedlab.home import opened
from seedwitness.attribution.seed_scan import invert_image
from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.records.recipe import Recipe
from seedwitness.records.seed_scan import Inversion
from seedwitness.seedscan.cascade import plan_cascade
from seedwitness.seedscan.scan import scan_range


def whole(loaded: LoadedCheckpoint, recipes: Sequence[Recipe], scratch: Path) -> dict[str, Any]:
    """The best seed of all for each recipe's picture, and whether it is the true one."""
    empty, settings = [Inversion(prompt="", guidance=1.0)], scan_settings()
    rows = np.concatenate(
        [invert_image(loaded, made(loaded, each)[0], empty, settings) for each in recipes]
    )
    shape = loaded.latent_shape(recipes[0].width, recipes[0].height)
    best: list[list[tuple[float, int, str]]] = [[] for _ in recipes]
    for rng in RNGS:
        answers = scan_range(plan_cascade(rows, rng, LEAST), shape, ledger=scratch)
        for kept, found in zip(best, answers, strict=True):
            kept += [(float(z), int(s), rng) for s, z in zip(found.seeds, found.z, strict=True)]
    told = []
    for recipe, kept in zip(recipes, best, strict=True):
        kept.sort(reverse=True)
        (z, seed, rng), (second, _, _) = kept[0], kept[1]
        true = (seed, rng) == (recipe.seed, recipe.rng)
        told.append(
            {
                "seed": recipe.seed,
                "rng": recipe.rng,
                "sampler": recipe.sampler,
                "guidance": recipe.guidance,
                "z": z,
                "second_best_z": second,
                "recovered": true and z >= NEEDED,
                "false": sum(other >= NEEDED for other, _, _ in kept[int(true) :]),
            }
        )
    return {"least": LEAST, "z_needed": NEEDED, "outputs": told}


def main() -> None:
    """Measure, and write one JSON object to stdout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--outputs", type=int, default=10)
    parser.add_argument("--scratch", type=Path, help="where scans are kept, to go on after a kill")
    asked = parser.parse_args()
    chosen = outputs(asked.outputs, captions(opened(Path("data/lab"))), CHOSEN)
    with tempfile.TemporaryDirectory() as temporary:
        found = whole(memorised(), chosen, asked.scratch or Path(temporary))
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
