"""The section ``expose``: the question *exposed*, which is off unless somebody turns it on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt

from seedwitness.config.inputs import Section

Level = Annotated[float, Field(gt=0, lt=1)]


class ExposeSettings(Section):
    """How the denoising loss of an image is measured, and when a finding is refused."""

    enabled: bool = False
    """Whether the question is examined at all; it was validated on the lab's checkpoints alone."""
    levels: list[Level] = Field(default=[0.1, 0.3, 0.5, 0.7], min_length=1)
    """Timesteps as shares of those of the checkpoint's training."""
    noises: PositiveInt = 4
    """Noises at each timestep; a measurement costs levels × noises NFE an image and prompt."""
    blind_alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """A target that features without any model tell apart from the controls with p at most this is
    refused."""
