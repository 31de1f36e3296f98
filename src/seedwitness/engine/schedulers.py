"""Samplers by name: schedulers of diffusers, made from the scheduler settings of a checkpoint.

The settings that describe the checkpoint's training (betas, prediction type, spacing of the steps)
are kept, and the name decides the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DEISMultistepScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    FlowMatchHeunDiscreteScheduler,
    HeunDiscreteScheduler,
    KDPM2AncestralDiscreteScheduler,
    KDPM2DiscreteScheduler,
    LCMScheduler,
    LMSDiscreteScheduler,
    PNDMScheduler,
    UniPCMultistepScheduler,
)

from seedwitness.config.names import AS_CHECKPOINT
from seedwitness.config.reading import suggest_names
from seedwitness.engine.given_noise import (
    AncestralEulerScheduler,
    take_noise_as_argument,
)
from seedwitness.engine.tool_samplers import (
    ANCESTRAL_TOOL_SAMPLERS,
    find_tool,
    is_tool_sampler,
)
from seedwitness.errors import ConfigError

Config = Mapping[str, Any]


def ddim(config: Config) -> Any:
    """DDIM (Song et al., ICLR 2021); the only sampler with an eta."""
    return DDIMScheduler.from_config(config)


def euler(config: Config) -> Any:
    """Euler steps of the probability-flow ODE (Karras et al., NeurIPS 2022), without churn."""
    return EulerDiscreteScheduler.from_config(config)


def dpmpp_2m(config: Config) -> Any:
    """DPM-Solver++ (2M), a multistep ODE solver of second order (Lu et al., 2022)."""
    return DPMSolverMultistepScheduler.from_config(
        config, algorithm_type="dpmsolver++", solver_order=2
    )


def euler_a(config: Config) -> Any:
    """Euler a: Euler steps down to less noise, and fresh noise after each (k-diffusion)."""
    return AncestralEulerScheduler.from_config(config)


def pndm(config: Config) -> Any:
    """PNDM (Liu et al., ICLR 2022) as Stable Diffusion uses it: linear multistep from the start."""
    return PNDMScheduler.from_config({"skip_prk_steps": True, **config})


def make_sampler(scheduler_class: Any, **settings: Any) -> Callable[[Config], Any]:
    """A sampler that is a class of diffusers with some settings of its own."""

    def build(config: Config) -> Any:
        return scheduler_class.from_config(config, **settings)

    return build


TWO_M = {"algorithm_type": "dpmsolver++", "solver_order": 2}
TWO_M_SDE = {"algorithm_type": "sde-dpmsolver++", "solver_order": 2}
KARRAS = {"use_karras_sigmas": True}

SAMPLERS: dict[str, Callable[[Config], Any]] = {
    "ddim": ddim,
    "ddpm": make_sampler(take_noise_as_argument(DDPMScheduler)),
    "deis": make_sampler(DEISMultistepScheduler),
    "dpm2": make_sampler(KDPM2DiscreteScheduler),
    "dpm2-a": make_sampler(take_noise_as_argument(KDPM2AncestralDiscreteScheduler)),
    "dpm2-karras": make_sampler(KDPM2DiscreteScheduler, **KARRAS),
    "dpmpp-2m": dpmpp_2m,
    "dpmpp-2m-karras": make_sampler(DPMSolverMultistepScheduler, **TWO_M, **KARRAS),
    "dpmpp-2m-sde": make_sampler(DPMSolverMultistepScheduler, **TWO_M_SDE),
    "dpmpp-2m-sde-karras": make_sampler(DPMSolverMultistepScheduler, **TWO_M_SDE, **KARRAS),
    "euler": euler,
    "euler-a": euler_a,
    "euler-karras": make_sampler(EulerDiscreteScheduler, **KARRAS),
    "heun": make_sampler(HeunDiscreteScheduler),
    "heun-karras": make_sampler(HeunDiscreteScheduler, **KARRAS),
    "lcm": make_sampler(take_noise_as_argument(LCMScheduler)),
    "lms": make_sampler(LMSDiscreteScheduler),
    "lms-karras": make_sampler(LMSDiscreteScheduler, **KARRAS),
    "pndm": pndm,
    "unipc": make_sampler(UniPCMultistepScheduler),
    "unipc-karras": make_sampler(UniPCMultistepScheduler, **KARRAS),
}
"""Schedulers of diffusers: at batch 1 their latents are those of the pipeline bit for bit."""
SAMPLERS_WITH_ETA = {"ddim"}
ANCESTRAL_SAMPLERS = {
    *("ddpm", "dpm2-a", "dpmpp-2m-sde", "dpmpp-2m-sde-karras", "euler-a", "lcm"),
}
"""Samplers that add noise after their steps; the others do so only if eta is not 0."""
FLOAT32_NOISE = {"dpmpp-2m-sde", "dpmpp-2m-sde-karras"}
"""Samplers whose noise diffusers draws in float32 whatever the number format."""
FLOW_SAMPLERS: dict[str, Callable[[Config], Any]] = {
    "euler": make_sampler(FlowMatchEulerDiscreteScheduler),
    "heun": make_sampler(FlowMatchHeunDiscreteScheduler),
}
"""Schedulers of checkpoints that were trained by flow matching."""
FLOW_CLASSES = ("FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler")

OWN_SAMPLERS = {
    "DDIMScheduler": "ddim",
    "DDPMScheduler": "ddpm",
    "DEISMultistepScheduler": "deis",
    "EulerAncestralDiscreteScheduler": "euler-a",
    "EulerDiscreteScheduler": "euler",
    "FlowMatchEulerDiscreteScheduler": "euler",
    "FlowMatchHeunDiscreteScheduler": "heun",
    "HeunDiscreteScheduler": "heun",
    "KDPM2AncestralDiscreteScheduler": "dpm2-a",
    "KDPM2DiscreteScheduler": "dpm2",
    "LCMScheduler": "lcm",
    "LMSDiscreteScheduler": "lms",
    "PNDMScheduler": "pndm",
    "UniPCMultistepScheduler": "unipc",
}
"""The sampler of a class whose name leaves all settings to the checkpoint."""


def resolve_sampler(scheduler: Any, sampler: str) -> str:
    """The name of a sampler, where it is that of the checkpoint's own ``scheduler``.

    Raises ConfigError if no sampler is the same as the scheduler.
    """
    if sampler != AS_CHECKPOINT:
        return sampler
    name, config = type(scheduler).__name__, scheduler.config
    if name == "DPMSolverMultistepScheduler" and config.solver_order == 2:
        by_algorithm = {"dpmsolver++": "dpmpp-2m", "sde-dpmsolver++": "dpmpp-2m-sde"}
        if config.algorithm_type in by_algorithm:
            return by_algorithm[config.algorithm_type]
    is_other = name == "PNDMScheduler" and not config.skip_prk_steps
    if name not in OWN_SAMPLERS or is_other:
        raise ConfigError(
            f"The checkpoint's own scheduler is a {name} with settings that no sampler has: name "
            f"a sampler instead of `{AS_CHECKPOINT}`, such as {', '.join(sorted(SAMPLERS)[:6])}."
        )
    return OWN_SAMPLERS[name]


def describe_scheduler(scheduler: Any) -> Config:
    """The settings of a scheduler, with the name of its class."""
    return {**scheduler.config, "_class_name": type(scheduler).__name__}


def is_flow(config: Config) -> bool:
    """Whether a scheduler's settings are those of flow matching."""
    return config.get("_class_name") in FLOW_CLASSES


def build_scheduler(scheduler: Any, sampler: str, eta: float = 0.0) -> Any:
    """A new scheduler of a sampler, from the settings of the checkpoint's own ``scheduler``.

    Raises ConfigError as ``require_sampler``, and for a sampler of noise levels that flow matching
    does not have.
    """
    name = resolve_sampler(scheduler, sampler)
    require_sampler(name, eta)
    if not is_flow(describe_scheduler(scheduler)):
        return SAMPLERS[name](scheduler.config)
    if name not in FLOW_SAMPLERS or eta:
        raise ConfigError(
            f"A checkpoint of flow matching has no sampler `{name}` with eta {eta:g}: use "
            f" {' or '.join(FLOW_SAMPLERS)}, or `{AS_CHECKPOINT}` for its own."
        )
    return FLOW_SAMPLERS[name](scheduler.config)


def adds_noise(sampler: str | None, eta: float) -> bool:
    """Whether a sampler adds noise after its steps."""
    return sampler in ANCESTRAL_SAMPLERS or sampler in ANCESTRAL_TOOL_SAMPLERS or eta != 0


def require_sampler(sampler: str, eta: float = 0.0) -> None:
    """Raise ConfigError if ``sampler`` is unknown, or does not support ``eta``."""
    if is_tool_sampler(sampler):
        find_tool(sampler)
    elif sampler not in SAMPLERS:
        raise ConfigError(f"There is no sampler `{sampler}`.{suggest_names(sampler, SAMPLERS)}")
    if eta and sampler not in SAMPLERS_WITH_ETA:
        raise ConfigError(
            f"The sampler `{sampler}` has no eta: set it to 0 instead of {eta}, or use "
            f"{', '.join(sorted(SAMPLERS_WITH_ETA))}."
        )


STABLE_DIFFUSION = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
}
"""The noise schedule of Stable Diffusion's training, for an image whose checkpoint is unknown."""


def compute_noise_levels(config: Config, steps: int) -> list[float]:
    """The noise levels σ of a schedule of evenly spaced steps, from the first to the last, 0.

    In units of the latents: √((1 − ᾱ)/ᾱ) for the ᾱ of the checkpoint's training.
    """
    alphas = DDIMScheduler.from_config(config).alphas_cumprod.double()
    timesteps = torch.linspace(len(alphas) - 1, 0, steps).round().long()
    return [*((1 - alphas) / alphas).sqrt()[timesteps].tolist(), 0.0]


def set_timesteps(
    scheduler: Any,
    num_inference_steps: int,
    device: torch.device,
    arguments: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    """Set the timesteps of ``scheduler`` and return it. Raises ConfigError if they are too many.

    ``arguments`` stand for the number of steps where a family gives others.
    """
    train_timesteps = scheduler.config.num_train_timesteps
    try:
        scheduler.set_timesteps(
            **(arguments or {"num_inference_steps": num_inference_steps}), device=device
        )
        last_timestep = int(scheduler.timesteps.max())
    except (ValueError, ZeroDivisionError, RuntimeError) as error:
        raise ConfigError(
            f"{type(scheduler).__name__} cannot take {num_inference_steps} steps: {error}"
        ) from error
    limit = train_timesteps + (type(scheduler).__name__ in FLOW_CLASSES)
    if last_timestep >= limit:
        raise ConfigError(
            f"{type(scheduler).__name__} cannot take {num_inference_steps} steps of a checkpoint "
            f"trained on {train_timesteps}: use fewer."
        )
    return scheduler
