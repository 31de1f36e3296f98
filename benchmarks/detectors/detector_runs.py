"""Runs of the detectors and of the finding as a score, on one image under one prompt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from torch import Tensor

from benchmarks.detectors.discrimination import CLOSEST, FINDING, Row
from seedwitness.detectors import DETECTORS
from seedwitness.detectors.clique import compute_largest_clique
from seedwitness.detectors.probe import Probe
from seedwitness.metrics import descriptor, patch_l2

GENERATIONS = "generations"
"""The run that gives the closest descriptor, the largest clique and the finding's score at once."""

RUNS = (*(name for name in DETECTORS if name not in ("clique", CLOSEST)), GENERATIONS)
"""What runs on its own: every detector that does not compare finished generations, and these."""

RUN_CODE = {name: [DETECTORS[name].statistic.__module__] for name in RUNS if name in DETECTORS} | {
    GENERATIONS: [compute_largest_clique.__module__, descriptor.__name__, patch_l2.__name__]
}
"""The modules of ``seedwitness`` that each run executes."""

RUN_FILES = [Path(__file__), Path(__file__).with_name("discrimination.py")]


def run_detector(probe: Probe, name: str, noise: Tensor) -> list[Row]:
    """One detector's value and cost; no row where it needs a prompt and there is none."""
    if not probe.prompt and DETECTORS[name].needs == "prompt":
        return []
    cost = CostMeter(probe)
    return [{"detector": name, "value": DETECTORS[name](probe, noise), **cost.read()}]


def compare_generations(
    probe: Probe, noise: Tensor, target: Tensor, similarity: Callable[[Tensor, Tensor], Tensor]
) -> list[Row]:
    """The values that finished generations give, the finding's score included; one cost.

    ``noise`` is [n, c, h, w]; ``target`` uint8 [3, height, width]; ``similarity`` gives one value
    for each of n images, higher for closer.
    """
    cost = CostMeter(probe)
    images = probe.sample_pictures(noise)
    closest = float(similarity(images, target).max())
    common_cost = cost.read()
    threshold = patch_l2.INFO.copy_threshold
    assert threshold is not None
    is_copy = patch_l2.score_pairs(images, target.expand_as(images)) <= threshold
    score = closest + 2 * bool(is_copy.any())
    clique = compute_largest_clique(images)
    return [
        {"detector": CLOSEST, "value": closest, **common_cost},
        {"detector": "clique", "value": clique, **common_cost},
        {"detector": FINDING, "value": score, "copies": int(is_copy.sum()), **common_cost},
    ]


class CostMeter:
    """Counts the evaluations, backward passes and seconds of a probe since it was created."""

    def __init__(self, probe: Probe) -> None:
        self._probe, self._nfe, self._backward = probe, probe.nfe, probe.backward
        self._start = perf_counter()

    def read(self) -> dict[str, Any]:
        """NFE, backward passes and seconds since the meter was created."""
        return {
            "nfe": self._probe.nfe - self._nfe,
            "backward": self._probe.backward - self._backward,
            "seconds": round(perf_counter() - self._start, 4),
        }
