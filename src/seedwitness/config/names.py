"""The names that settings may take, so that a misspelt one is refused when it is composed.

The rooms that define what a name means are above this one; a test compares these lists with theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator

from seedwitness.config.reading import suggest_names


def _known(what: str, names: Sequence[str]) -> AfterValidator:
    """Refuse a name that is not among ``names``, and list them."""

    def check(value: str) -> str:
        if value not in names:
            hint = suggest_names(value, names).rstrip(".")
            raise ValueError(f"there is no {what} `{value}`.{hint}")
        return value

    return AfterValidator(check)


SAMPLERS = ("ddim", "dpmpp-2m", "euler", "euler-a")
SAMPLERS_WITH_ETA = ("ddim",)
RNG_ALGORITHMS = (
    *("philox-nv", "torch-cpu", "torch-cpu-bfloat16", "torch-cpu-float16", "torch-cuda"),
)
SCANNED_RNG_ALGORITHMS = (*("philox-nv", "torch-cpu", "torch-cpu-bfloat16", "torch-cpu-float16"),)
STRATEGIES = ("halving", "subset-simulation", "sweep", "variations")
LATENT_DISTANCES = ("latent-rms",)
RESIZE_RULES = ("crop", "letterbox", "stretch")
RECOVERY_METHODS = ("metadata", "phrases", "user")
DETECTORS = (
    *("alignment", "attention-entropy", "bright-ending", "clid", "clique", "curvature"),
    *("first-attention-entropy", "first-magnitude", "hessian", "invmm", "loss", "magnitude"),
    *("most-alike", "one-step", "pia", "pian", "secmi", "sima", "singularity"),
)
PROMPT_METRIC = "clip-text"
"""The metric that compares an image with its prompt, and so says nothing of a target."""
METRICS_WITH_WEIGHTS = frozenset(
    {"clip", PROMPT_METRIC, "descriptor", "dinov2", "dreamsim", "lpips"}
)
"""Metrics that cannot run without weights."""
METRICS = (*METRICS_WITH_WEIGHTS, "ms-ssim", "patch-l2", "pdq", "phash", "psnr", "ssim")

Sampler = Annotated[str, _known("sampler", SAMPLERS)]
RngAlgorithm = Annotated[str, _known("RNG algorithm", RNG_ALGORITHMS)]
ScannedRng = Annotated[str, _known("RNG algorithm that can be scanned", SCANNED_RNG_ALGORITHMS)]
Strategy = Annotated[str, _known("strategy", STRATEGIES)]
LatentDistance = Annotated[str, _known("latent distance", LATENT_DISTANCES)]
ResizeRule = Annotated[str, _known("rule", RESIZE_RULES)]
RecoveryMethod = Annotated[str, _known("recovery method", RECOVERY_METHODS)]
DetectorName = Annotated[str, _known("detector", DETECTORS)]
MetricName = Annotated[str, _known("metric", METRICS)]
