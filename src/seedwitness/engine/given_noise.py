"""Schedulers of diffusers that take the noise of their steps as an argument, and draw none."""

from __future__ import annotations

import sys
from typing import Any

from diffusers import EulerAncestralDiscreteScheduler
from torch import Tensor


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


def take_noise_as_argument(scheduler_class: Any) -> Any:
    """A class of diffusers whose ``step`` takes the noise as an argument, and draws none.

    The class draws by its module's function ``randn_tensor``, for which the noise stands in.
    """
    module = sys.modules[scheduler_class.__module__]

    class GivenNoise(scheduler_class):  # type: ignore[misc]
        def step(
            self,
            model_output: Tensor,
            timestep: Tensor,
            sample: Tensor,
            variance_noise: Tensor | None = None,
            return_dict: bool = False,
        ) -> tuple[Tensor]:
            draw = module.randn_tensor
            module.randn_tensor = lambda *_, dtype, **__: _require(variance_noise).to(dtype)  # type: ignore[attr-defined]
            try:
                previous = super().step(model_output, timestep, sample, return_dict=False)[0]
            finally:
                module.randn_tensor = draw  # type: ignore[attr-defined]
            return (previous,)

    GivenNoise.__name__ = scheduler_class.__name__
    return GivenNoise


def _require(noise: Tensor | None) -> Tensor:
    if noise is None:
        raise ValueError("the step adds noise, and none was given")
    return noise
