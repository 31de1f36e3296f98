"""How often the seed of an output is recovered by each look: by sampler, guidance and file type.

    .venv/bin/python -m benchmarks.seeds.seed_recovery [--pairs 50] [--pictures 1000]

Outputs of `lab-memorised` under captions of held-out images, two random 32-bit seeds for each. A
seed counts as recovered by a look if it passes all stages of the cascade and reaches the z that a
family-wise p of 0.001 requires over all 2^32 seeds, both RNG algorithms and all looks of the
default settings; chance could only add to this by a false recovery, which is measured on images
that nobody generated. Inversions are made only where both looks at the encoded image miss, as a
scan does.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from benchmarks.seeds.null_scores import measure_null
from benchmarks.seeds.outputs import (
    MAX_SAMENESS,
    RNG_ALGORITHMS,
    SIZE,
    STEPS,
    Output,
    draw_pairs,
    held_out_captions,
    list_files,
    load_memorised,
    make_outputs,
)
from benchmarks.shared.measurement import print_figures
from benchmarks.shared.rates import rate_figures
from seedlab.lab_folder import open_lab
from seedwitness.attribution.looks import EncodedTarget, compute_weights, plan_looks
from seedwitness.attribution.placements import plan_placements
from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.reading import load_section
from seedwitness.config.steps import ScanSettings
from seedwitness.engine.schedulers import ANCESTRAL_SAMPLERS
from seedwitness.records.recipe import count_nfe
from seedwitness.records.seed_scan import Look
from seedwitness.seeds import draw_sequence
from seedwitness.seeds.torch_cpu import SEED_COUNT
from seedwitness.seedscan.cascade_planning import plan_cascade
from seedwitness.seedscan.scan import scan_chunk

SAMPLERS = ("ddim", "euler", "dpmpp-2m", "euler-a")
GUIDANCES = (1.0, 3.0, 7.5)
ALPHA = 0.001
OUTPUTS_SEED = 1
"""The seed of the generator that draws the outputs' recipes."""


def compute_z_needed(kinds: list[list[Look]]) -> float:
    """The z of a family-wise p of ALPHA over all seeds, RNG algorithms and looks."""
    tests = SEED_COUNT * len(RNG_ALGORITHMS) * sum(len(looks) for looks in kinds)
    return float(norm.isf(ALPHA / tests))


def score_true_seed(
    weights: np.ndarray[Any, Any], output: Output, min_z: float
) -> tuple[float, bool]:
    """The highest z of the true seed among looks of a kind, and whether a scan for it passes."""
    shape, draws = weights.shape[2:], weights.shape[1]
    rows = weights.reshape(len(weights), -1)
    recipe = output.recipe
    noise = draw_sequence(recipe.rng, recipe.seed, 0, draws, shape).flatten().numpy()
    scores = rows @ noise / np.linalg.norm(rows, axis=1)
    best = int(np.argmax(scores))
    cascade = plan_cascade(rows[best : best + 1], recipe.rng, min_z, draw_size=int(np.prod(shape)))
    passed, _, _ = scan_chunk(cascade, recipe.seed, recipe.seed + 1)
    return float(scores[best]), len(passed) > 0


def look_at_output(
    loaded: LoadedCheckpoint, output: Output, settings: ScanSettings
) -> Iterator[dict[str, Any]]:
    """A row for each file type: the true seed's z by look, and the first look that recovers it.

    A PNG is looked at in every way, other files by the look that the sampler calls for, with the
    placements that a scan would plan for them.
    """
    scheduler = loaded.pipeline.scheduler.config
    recipe = output.recipe
    of_sampler = "step-noise" if recipe.sampler in ANCESTRAL_SAMPLERS else "first-noise"
    shape = loaded.latent_shape(SIZE, SIZE)
    for file_type, image in list_files(output.image):
        is_changed = file_type != "PNG"
        target = EncodedTarget(loaded.pipeline.vae, image)
        row: dict[str, Any] = {
            "sampler": recipe.sampler,
            "guidance": recipe.guidance,
            "file": file_type,
            "depends": output.sameness <= MAX_SAMENESS,
            "recovered_by": "",
            "nfe": 0,
            of_sampler: 0.0,
        }
        kinds = plan_looks(
            (),
            settings,
            placements=plan_placements(
                image, [(SIZE, SIZE)], target.scale, settings.placements if is_changed else ()
            ),
            is_size_made=not any(side % target.scale for side in image.size),
        )
        z_needed = compute_z_needed(kinds)
        for looks in kinds:
            kind = looks[0].kind
            if is_changed and (kind != of_sampler or row["recovered_by"]):
                continue
            if kind == "inversion":
                if row["recovered_by"]:
                    continue
                row["nfe"] = sum(count_nfe(look.steps, look.guidance) for look in looks)
            weights = compute_weights(looks, target, scheduler, settings, loaded)
            if weights.shape[2:] != shape:  # of another size than the one that was sampled
                continue
            z, passes = score_true_seed(weights, output, settings.min_z)
            row[kind] = max(z, row.get(kind, z))
            if z >= z_needed and passes and not row["recovered_by"]:
                row["recovered_by"] = kind
        row["z"] = row[of_sampler]
        yield row


def recovery_rates(rows: pd.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    """Recovery by the first two looks and by any, with intervals, and median z, by columns."""
    cells = []
    for values, group in rows.groupby(columns, sort=False):
        encoded = group["recovered_by"].isin(["first-noise", "step-noise"])
        cells.append(
            dict(zip(columns, values, strict=True))
            | {
                "encoded": rate_figures(int(encoded.sum()), len(group)),
                "any": rate_figures(int((group["recovered_by"] != "").sum()), len(group)),
                "median_z": round(float(group["z"].median()), 1),
                "mean_nfe": round(float(group["nfe"].mean()), 1),
            }
        )
    return cells


def main() -> None:
    """Measure, and write one JSON object to stdout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=50, help="pairs of outputs in each cell")
    parser.add_argument("--pictures", type=int, default=1000, help="pictures of the null")
    arguments = parser.parse_args()
    lab, loaded = open_lab(Path("data/lab")), load_memorised()
    settings = load_section(ScanSettings, "scan")
    kinds = plan_looks((), settings)
    z_needed = compute_z_needed(kinds)
    captions = held_out_captions(lab)
    rows = pd.DataFrame(
        row
        for sampler, guidance in product(SAMPLERS, GUIDANCES)
        for output in make_outputs(
            loaded, draw_pairs(sampler, guidance, arguments.pairs, captions, OUTPUTS_SEED)
        )
        for row in look_at_output(loaded, output, settings)
    )
    png = rows[rows["file"] == "PNG"]
    print_figures(
        {
            "pairs": arguments.pairs,
            "steps": STEPS,
            "z_needed": z_needed,
            "min_z": settings.min_z,
            "max_sameness": MAX_SAMENESS,
            "looks": {looks[0].kind: len(looks) for looks in kinds},
            "depends": [
                {"sampler": sampler, "guidance": guidance}
                | rate_figures(int(group["depends"].sum()), len(group))
                for (sampler, guidance), group in png.groupby(["sampler", "guidance"], sort=False)
            ],
            "dependent": recovery_rates(png[png["depends"]], ["sampler", "guidance"]),
            "all": recovery_rates(png, ["sampler", "guidance"]),
            "files": recovery_rates(
                rows[rows["depends"] & (rows["guidance"] == 3)], ["sampler", "file"]
            ),
            "inversion_nfe": sum(count_nfe(look.steps, look.guidance) for look in kinds[-1]),
            "mean_nfe": float(png["nfe"].mean()),
            "null": measure_null(lab, loaded, settings, arguments.pictures),
        }
    )


if __name__ == "__main__":
    main()
