"""Scans of all 2^32 seeds for outputs of the lab: is the true seed the first, and in what time?

    .venv/bin/python -m benchmarks.seeds.full_scan [--outputs 4] [--step-noise 1] [--scratch DIR]

One scan for each output, by the output's RNG algorithm, with the cascade of `scan=whole`. The
outputs depend on their seed. Step noise is looked for with the right number of steps, by
`philox-nv` only: of torch's CPU generator every draw before it would have to be made as well.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
from scipy.stats import norm

from benchmarks.seeds.outputs import (
    MAX_SAMENESS,
    STEPS,
    Output,
    draw_pairs,
    held_out_captions,
    load_memorised,
    make_outputs,
)
from benchmarks.shared.measurement import print_figures
from seedlab.lab_folder import open_lab
from seedwitness.attribution.looks import EncodedTarget, compute_weights
from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.reading import load_section
from seedwitness.config.steps import ScanSettings
from seedwitness.records.seed_scan import Look, LookKind
from seedwitness.seeds.torch_cpu import SEED_COUNT
from seedwitness.seedscan.cascade_planning import plan_cascade
from seedwitness.seedscan.scan import scan_range

MIN_Z = 10.0
"""The z that `scan=whole` is made for: conf/scan/whole.yaml."""

Z_NEEDED = float(norm.isf(0.001 / SEED_COUNT))
OUTPUTS_SEED = 3
GUIDANCE = 3.0


def scan_output(
    loaded: LoadedCheckpoint, output: Output, kind: LookKind, scratch: Path
) -> dict[str, Any]:
    """Scan all seeds for one output; the first seed, its z, the next best, and the seconds."""
    settings = load_section(ScanSettings, "scan")
    target = EncodedTarget(loaded.pipeline.vae, output.image)
    look = Look(kind=kind, steps=STEPS)
    weights = compute_weights([look], target, loaded.pipeline.scheduler.config, settings)[0]
    shape = weights.shape[1:]
    cascade = plan_cascade(
        weights.reshape(1, -1), output.recipe.rng, MIN_Z, draw_size=int(np.prod(shape))
    )
    start, processor = perf_counter(), process_time()
    [found] = scan_range(cascade, shape, cache_folder=scratch)
    return {
        "kind": kind,
        "rng": output.recipe.rng,
        "sampler": output.recipe.sampler,
        "guidance": output.recipe.guidance,
        "elements": [len(stage.elements) for stage in cascade.stages],
        "seconds": round(perf_counter() - start, 1),
        "processor_seconds": round(process_time() - processor, 1),
        "seed": output.recipe.seed,
        "z": float(found.scores[0]),
        "second_best_z": float(found.scores[1]),
        "recovered": int(found.seeds[0]) == output.recipe.seed
        and bool(found.scores[0] >= Z_NEEDED),
    }


def main() -> None:
    """Measure, and write one JSON object to stdout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--outputs", type=int, default=4)
    parser.add_argument("--step-noise", type=int, default=1)
    parser.add_argument("--scratch", type=Path, help="folder of finished scans, to resume a run")
    arguments = parser.parse_args()
    captions, loaded = held_out_captions(open_lab(Path("data/lab"))), load_memorised()

    def choose(sampler: str, count: int, *rng_algorithms: str) -> list[Output]:
        """Outputs that depend on their seed, by the RNG algorithms in turn."""
        made = make_outputs(loaded, draw_pairs(sampler, GUIDANCE, 10, captions, OUTPUTS_SEED))
        outputs = [output for output in made if output.sameness <= MAX_SAMENESS]
        by_rng = [
            [output for output in outputs if output.recipe.rng == name] for name in rng_algorithms
        ]
        return [by_rng[number % len(by_rng)][number // len(by_rng)] for number in range(count)]

    with tempfile.TemporaryDirectory() as temporary:
        scratch = arguments.scratch or Path(temporary)
        scans = [
            scan_output(loaded, output, "first-noise", scratch)
            for output in choose("euler", arguments.outputs, "torch-cpu", "philox-nv")
        ]
        scans += [
            scan_output(loaded, output, "step-noise", scratch)
            for output in choose("euler-a", arguments.step_noise, "philox-nv")
        ]
    print_figures({"min_z": MIN_Z, "z_needed": Z_NEEDED, "outputs": scans})


if __name__ == "__main__":
    main()
