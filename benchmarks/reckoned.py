"""What the bench of detectors reckons of one picture under one prompt, and what that costs."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

from torch import Tensor

from seedwitness.detectors import DETECTORS
from seedwitness.detectors.clique import largest
from seedwitness.detectors.probe import Probe
from seedwitness.metrics import patch_l2

FINDING = "our finding"
"""As a score: pictures of which a generation is a copy by patch-L2 stand above all others, and
among themselves pictures stand by the closest descriptor, which a finding ranks them by."""

CLOSEST = "most-alike"
GENERATIONS = "generations"
"""Of which the most alike, the clique and our finding are read off."""

UNITS = (*(name for name in DETECTORS if name not in ("clique", CLOSEST)), GENERATIONS)
"""What is asked for by itself."""

Value = dict[str, Any]


def detected(probe: Probe, name: str, noise: Tensor) -> list[Value]:
    """One figure under one prompt, with what it cost; none where it asks for a prompt."""
    if not probe.prompt and DETECTORS[name].needs == "prompt":
        return []
    before = Spent(probe)
    return [{"detector": name, "value": DETECTORS[name](probe, noise), **before.since()}]


def generated(
    probe: Probe, noise: Tensor, target: Tensor, alike: Callable[[Tensor, Tensor], Tensor]
) -> list[Value]:
    """What is read off generations, our finding among it: all of them cost the same."""
    before = Spent(probe)
    made = probe.pictures(noise)
    closest = float(alike(made, target).max())
    spent = before.since()
    copy = patch_l2.INFO.copy_threshold
    assert copy is not None
    near = patch_l2.scores(made, target.expand_as(made)) <= copy
    score = closest + 2 * bool(near.any())
    return [
        {"detector": CLOSEST, "value": closest, **spent},
        {"detector": "clique", "value": largest(made), **spent},
        {"detector": FINDING, "value": score, "copies": int(near.sum()), **spent},
    ]


class Spent:
    """What a probe has been asked so far, and the time."""

    def __init__(self, probe: Probe) -> None:
        self.probe, self.nfe, self.backward = probe, probe.nfe, probe.backward
        self.began = perf_counter()

    def since(self) -> Value:
        """What has been asked of it since then."""
        return {
            "nfe": self.probe.nfe - self.nfe,
            "backward": self.probe.backward - self.backward,
            "seconds": round(perf_counter() - self.began, 4),
        }
