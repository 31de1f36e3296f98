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


AS_CHECKPOINT = "checkpoint"
"""The sampler that the checkpoint's own scheduler is."""
SAMPLERS = (
    *("ddim", "ddpm", "deis", "dpm2", "dpm2-a", "dpm2-karras", "dpmpp-2m", "dpmpp-2m-karras"),
    *("dpmpp-2m-sde", "dpmpp-2m-sde-karras", "euler", "euler-a", "euler-karras", "heun"),
    *("heun-karras", "lcm", "lms", "lms-karras", "pndm", "unipc", "unipc-karras"),
)
TOOL_ODE_SAMPLERS = (
    *("dpm2", "dpm2-a", "dpmpp-2m", "dpmpp-2m-sde", "dpmpp-2s-a", "dpmpp-sde"),
    *("euler", "euler-a", "heun", "lcm", "lms"),
)
TOOL_SCHEDULES = (
    *("beta", "ddim-uniform", "exponential", "karras", "kl-optimal", "sgm-uniform", "simple"),
    "uniform",
)
TOOLS = ("a1111", "comfyui", "forge")
TOOL_SAMPLERS = (
    *(
        f"{tool}/{sampler}/{schedule}"
        for tool in TOOLS
        for sampler in TOOL_ODE_SAMPLERS
        for schedule in TOOL_SCHEDULES
    ),
    "a1111/ddim",
)
"""Samplers in the way of a tool: TOOL/SAMPLER/SCHEDULE."""
SAMPLERS_WITH_ETA = ("ddim",)
RNG_ALGORITHMS = (
    *("philox-nv", "torch-cpu", "torch-cpu-bfloat16", "torch-cpu-float16", "torch-cuda"),
)
SCANNED_RNG_ALGORITHMS = (*("philox-nv", "torch-cpu", "torch-cpu-bfloat16", "torch-cpu-float16"),)
STRATEGIES = ("halving", "subset-simulation", "sweep", "variations")
LATENT_DISTANCES = ("latent-rms",)
RESIZE_RULES = ("crop", "letterbox", "stretch")
RECOVERY_METHODS = ("caption", "interrogate", "metadata", "pez", "phrases", "user")
CHECKPOINT_METHODS = ("evolve", "ph2p")
"""Recovery methods that run the checkpoint under examination."""
INTERROGATE_MODES = ("best", "classic", "fast", "negative")
PROMPT_CLASSES = ("verbatim", "reworded", "generic", "in the wild", "recovered")
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

Sampler = Annotated[str, _known("sampler", (*SAMPLERS, AS_CHECKPOINT, *TOOL_SAMPLERS))]
RngAlgorithm = Annotated[str, _known("RNG algorithm", RNG_ALGORITHMS)]
ScannedRng = Annotated[str, _known("RNG algorithm that can be scanned", SCANNED_RNG_ALGORITHMS)]
Strategy = Annotated[str, _known("strategy", STRATEGIES)]
LatentDistance = Annotated[str, _known("latent distance", LATENT_DISTANCES)]
ResizeRule = Annotated[str, _known("rule", RESIZE_RULES)]
RecoveryMethod = Annotated[str, _known("recovery method", RECOVERY_METHODS)]
CheckpointMethod = Annotated[
    str, _known("recovery method that runs the checkpoint", CHECKPOINT_METHODS)
]
InterrogateMode = Annotated[str, _known("mode", INTERROGATE_MODES)]
PromptClass = Annotated[str, _known("prompt class", PROMPT_CLASSES)]
DetectorName = Annotated[str, _known("detector", DETECTORS)]
MetricName = Annotated[str, _known("metric", METRICS)]
