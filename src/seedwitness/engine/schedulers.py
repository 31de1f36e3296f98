"""Samplers by name, each diffusers' own scheduler made from a checkpoint's scheduler settings.

What the checkpoint's settings say of its training (betas, prediction type, spacing of the steps) is
kept, and the name decides the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler

from seedwitness.config.reading import suggest_names
from seedwitness.errors import ConfigError

Config = Mapping[str, Any]


def ddim(config: Config) -> Any:
    """DDIM (Song et al., ICLR 2021); the one that knows eta."""
    return DDIMScheduler.from_config(config)


def euler(config: Config) -> Any:
    """Euler steps of the probability-flow ODE (Karras et al., NeurIPS 2022), without churn."""
    return EulerDiscreteScheduler.from_config(config)


def dpmpp_2m(config: Config) -> Any:
    """DPM-Solver++ (2M), the multistep one of second order (Lu et al., 2022), an ODE solver."""
    return DPMSolverMultistepScheduler.from_config(
        config, algorithm_type="dpmsolver++", solver_order=2
    )


SAMPLERS: dict[str, Callable[[Config], Any]] = {
    "ddim": ddim,
    "euler": euler,
    "dpmpp-2m": dpmpp_2m,
}
SAMPLERS_WITH_ETA = {"ddim"}


def require_sampler(sampler: str, eta: float = 0.0) -> None:
    """Raise ConfigError where ``sampler`` is unknown, or is no sampler for ``eta``."""
    if sampler not in SAMPLERS:
        raise ConfigError(f"There is no sampler `{sampler}`.{suggest_names(sampler, SAMPLERS)}")
    if eta and sampler not in SAMPLERS_WITH_ETA:
        raise ConfigError(
            f"The sampler `{sampler}` knows no eta: set it to 0 instead of {eta}, or take "
            f"{', '.join(sorted(SAMPLERS_WITH_ETA))}."
        )


def set_timesteps(scheduler: Any, num_inference_steps: int, device: torch.device) -> Any:
    """``scheduler`` with its timesteps set. Raises ConfigError where it has not so many."""
    trained = scheduler.config.num_train_timesteps
    try:
        scheduler.set_timesteps(num_inference_steps, device=device)
        longest = int(scheduler.timesteps.max())
    except (ValueError, ZeroDivisionError, RuntimeError) as error:
        raise ConfigError(
            f"{type(scheduler).__name__} cannot take {num_inference_steps} steps: {error}"
        ) from error
    if longest >= trained:
        raise ConfigError(
            f"{type(scheduler).__name__} cannot take {num_inference_steps} steps of a checkpoint "
            f"trained on {trained}: take fewer."
        )
    return scheduler
