"""Scores of wrong seeds for images that nobody generated: are they standard normal?

All seeds of a range are scored on all elements, by one matrix product for all images.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy.stats import norm

from benchmarks.shared.rates import rate_figures
from seedlab.lab_folder import Lab
from seedwitness.attribution.looks import EncodedTarget, compute_weights
from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import ScanSettings
from seedwitness.records.seed_scan import Look
from seedwitness.seeds import draw_sequence

ALPHA = 0.001
SEEDS = {"first-noise": 1_000_000, "step-noise": 20_000}
"""Seeds that are scored for every image, by kind of look: step noise has 21 times the elements."""

LOOKS = {
    "first-noise": Look(kind="first-noise", steps=20),
    "step-noise": Look(kind="step-noise", steps=20),
}
LEVELS = (2.0, 3.0, 4.0, 5.0)
CHUNK = 2_000


def measure_null(
    lab: Lab, loaded: LoadedCheckpoint, settings: ScanSettings, count: int
) -> list[dict[str, Any]]:
    """For each kind of look: how many scores exceed levels, and false recoveries."""
    rows = sorted(lab.rows, key=lambda row: row.id)[:: max(1, len(lab.rows) // count)][:count]
    targets = [
        EncodedTarget(
            loaded.pipeline.vae,
            Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()),
        )
        for pixels in lab.load_or_draw(rows)
    ]
    return [_measure_look(kind, targets, loaded, settings) for kind in LOOKS]


def _measure_look(
    kind: str, targets: list[EncodedTarget], loaded: LoadedCheckpoint, settings: ScanSettings
) -> dict[str, Any]:
    scheduler = loaded.pipeline.scheduler.config
    weights = torch.from_numpy(
        np.stack([compute_weights([LOOKS[kind]], each, scheduler, settings)[0] for each in targets])
    ).float()
    shape, draws = tuple(weights.shape[2:]), weights.shape[1]
    rows = weights.flatten(1)
    rows /= rows.norm(dim=1, keepdim=True)
    highest = torch.full((len(rows),), -torch.inf)
    exceeding = np.zeros(len(LEVELS))
    total, squares = 0.0, 0.0
    for start in range(0, SEEDS[kind], CHUNK):
        noise = torch.stack(
            [
                draw_sequence("torch-cpu", seed, 0, draws, shape).flatten()
                for seed in range(start, min(start + CHUNK, SEEDS[kind]))
            ]
        )
        scores = noise @ rows.T  # [seeds, images]
        highest = torch.maximum(highest, scores.max(0).values)
        exceeding += [float((scores >= level).sum()) for level in LEVELS]
        total += float(scores.double().sum())
        squares += float(scores.double().square().sum())
    tests = SEEDS[kind] * len(rows)
    z_needed = float(norm.isf(ALPHA / SEEDS[kind]))
    return {
        "kind": kind,
        "pictures": len(rows),
        "seeds": SEEDS[kind],
        "mean": total / tests,
        "deviation": (squares / tests) ** 0.5,
        "levels": [
            {"z": level, "scores": int(found), "expected": tests * float(norm.sf(level))}
            for level, found in zip(LEVELS, exceeding, strict=True)
        ],
        "alpha": ALPHA,
        "z_needed": z_needed,
        "highest_z": float(highest.max()),
        "false_recoveries": rate_figures(int((highest >= z_needed).sum()), len(rows)),
    }
