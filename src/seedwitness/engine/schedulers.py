"""Samplers by name: schedulers of diffusers, made from the scheduler settings of a checkpoint.

The settings that describe the checkpoint's training (betas, prediction type, spacing of the steps)
are kept, and the name decides the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
)
from torch import Tensor

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


class AncestralEulerScheduler(EulerAncestralDiscreteScheduler):  # type: ignore[misc]
    """diffusers' scheduler, but with the noise of each step as an argument.

    diffusers draws it by a torch generator, and most tools draw it otherwise.
    """

    def step(
        self,
        model_output: Tensor,
        timestep: Tensor,
        sample: Tensor,
        variance_noise: Tensor,
        return_dict: bool = False,
    ) -> tuple[Tensor]:
        """Go down to less noise by Euler's method, then add noise (k-diffusion, Euler a)."""
        if self.step_index is None:
            self._init_step_index(timestep)
        level, following = self.sigmas[self.step_index], self.sigmas[self.step_index + 1]
        x = sample.float()
        if self.config.prediction_type == "epsilon":
            clean = x - level * model_output
        else:  # the velocity
            clean = model_output * (-level / (level**2 + 1) ** 0.5) + x / (level**2 + 1)
        added = (following**2 * (level**2 - following**2) / level**2) ** 0.5
        down = (following**2 - added**2) ** 0.5
        x = x + (x - clean) / level * (down - level) + variance_noise * added
        self._step_index += 1
        return (x.to(model_output.dtype),)


def euler_a(config: Config) -> Any:
    """Euler a: Euler steps down to less noise, and fresh noise after each (k-diffusion)."""
    return AncestralEulerScheduler.from_config(config)


SAMPLERS: dict[str, Callable[[Config], Any]] = {
    "ddim": ddim,
    "euler": euler,
    "euler-a": euler_a,
    "dpmpp-2m": dpmpp_2m,
}
SAMPLERS_WITH_ETA = {"ddim"}
ANCESTRAL_SAMPLERS = {"euler-a"}
"""Samplers that add noise after every step; the others do so only if eta is not 0."""


def adds_noise(sampler: str | None, eta: float) -> bool:
    """Whether a sampler adds noise after its steps."""
    return sampler in ANCESTRAL_SAMPLERS or eta != 0


def require_sampler(sampler: str, eta: float = 0.0) -> None:
    """Raise ConfigError if ``sampler`` is unknown, or does not support ``eta``."""
    if sampler not in SAMPLERS:
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
