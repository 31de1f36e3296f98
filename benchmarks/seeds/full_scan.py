"""Outputs whose seed is looked for among all 2^32, by both RNG algorithms, under the empty prompt.

    .venv/bin/python -m benchmarks.seeds.full_scan [--outputs 10] [--scratch DIR]

These are the first of the outputs that `seed_recovery.py` looks for in windows.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.seeds.scan_speed import MIN_CORRELATION, RNG_ALGORITHMS
from benchmarks.seeds.seed_recovery import (
    OUTPUTS_SEED,
    Z_NEEDED,
    draw_recipes,
    held_out_captions,
    load_memorised,
    make_output,
    scan_settings,
)
from benchmarks.shared.measurement import print_figures
from seedlab.lab_folder import open_lab
from seedwitness.attribution.seed_scan import invert_image
from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.records.recipe import Recipe
from seedwitness.records.seed_scan import Inversion
from seedwitness.seedscan.cascade import plan_cascade
from seedwitness.seedscan.scan import scan_range


def scan_outputs(
    loaded: LoadedCheckpoint, recipes: Sequence[Recipe], scratch: Path
) -> dict[str, Any]:
    """The best of all seeds for the image of each recipe, and whether it is the true one."""
    empty, settings = [Inversion(prompt="", guidance=1.0)], scan_settings()
    queries = np.concatenate(
        [invert_image(loaded, make_output(loaded, r)[0], empty, settings) for r in recipes]
    )
    shape = loaded.latent_shape(recipes[0].width, recipes[0].height)
    ranked: list[list[tuple[float, int, str]]] = [[] for _ in recipes]
    for rng in RNG_ALGORITHMS:
        scans = scan_range(plan_cascade(queries, rng, MIN_CORRELATION), shape, cache_folder=scratch)
        for seeds, scan in zip(ranked, scans, strict=True):
            seeds += [(float(z), int(s), rng) for s, z in zip(scan.seeds, scan.scores, strict=True)]
    rows = []
    for recipe, seeds in zip(recipes, ranked, strict=True):
        seeds.sort(reverse=True)
        (z, seed, rng), (second_best_z, _, _) = seeds[0], seeds[1]
        is_true = (seed, rng) == (recipe.seed, recipe.rng)
        rows.append(
            {
                "seed": recipe.seed,
                "rng": recipe.rng,
                "sampler": recipe.sampler,
                "guidance": recipe.guidance,
                "z": z,
                "second_best_z": second_best_z,
                "recovered": is_true and z >= Z_NEEDED,
                "false": sum(other >= Z_NEEDED for other, _, _ in seeds[int(is_true) :]),
            }
        )
    return {"least": MIN_CORRELATION, "z_needed": Z_NEEDED, "outputs": rows}


def main() -> None:
    """Measure, and write one JSON object to stdout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--outputs", type=int, default=10)
    parser.add_argument("--scratch", type=Path, help="folder of finished scans, to resume a run")
    arguments = parser.parse_args()
    captions = held_out_captions(open_lab(Path("data/lab")))
    recipes = draw_recipes(arguments.outputs, captions, OUTPUTS_SEED)
    with tempfile.TemporaryDirectory() as temporary:
        scratch = arguments.scratch or Path(temporary)
        print_figures(scan_outputs(load_memorised(), recipes, scratch))


if __name__ == "__main__":
    main()
