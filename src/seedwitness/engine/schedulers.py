"""Samplers by name: schedulers of diffusers, made from the scheduler settings of a checkpoint.

The settings that describe the checkpoint's training (betas, prediction type, spacing of the steps)
are kept, and the name decides the rest.
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


SAMPLERS: dict[str, Callable[[Config], Any]] = {
    "ddim": ddim,
    "euler": euler,
    "dpmpp-2m": dpmpp_2m,
}
SAMPLERS_WITH_ETA = {"ddim"}


def require_sampler(sampler: str, eta: float = 0.0) -> None:
    """Raise ConfigError if ``sampler`` is unknown, or does not support ``eta``."""
    if sampler not in SAMPLERS:
        raise ConfigError(f"There is no sampler `{sampler}`.{suggest_names(sampler, SAMPLERS)}")
    if eta and sampler not in SAMPLERS_WITH_ETA:
        raise ConfigError(
            f"The sampler `{sampler}` has no eta: set it to 0 instead of {eta}, or use "
            f"{', '.join(sorted(SAMPLERS_WITH_ETA))}."
        )


def set_timesteps(scheduler: Any, num_inference_steps: int, device: torch.device) -> Any:
    """Set the timesteps of ``scheduler`` and return it. Raises ConfigError if they are too many."""
    train_timesteps = scheduler.config.num_train_timesteps
    try:
        scheduler.set_timesteps(num_inference_steps, device=device)
        last_timestep = int(scheduler.timesteps.max())
    except (ValueError, ZeroDivisionError, RuntimeError) as error:
        raise ConfigError(
            f"{type(scheduler).__name__} cannot take {num_inference_steps} steps: {error}"
        ) from error
    if last_timestep >= train_timesteps:
        raise ConfigError(
            f"{type(scheduler).__name__} cannot take {num_inference_steps} steps of a checkpoint "
            f"trained on {train_timesteps}: use fewer."
        )
    return scheduler
