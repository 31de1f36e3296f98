"""Sampling in the way of AUTOMATIC1111, Forge and ComfyUI: one sampler in σ-space with switches.

A name is TOOL/SAMPLER/SCHEDULE, such as ``a1111/dpmpp-2m/karras``. The switches of a tool are how
it scales the first noise, which timestep it gives to the model, and how it makes whole pixels. Read
from the tools' own sources; docs/interop.md says what was compared.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

import torch
from torch import Tensor

from seedwitness.config.names import TOOL_SAMPLERS
from seedwitness.config.reading import suggest_names
from seedwitness.engine.noise_levels import (
    A1111_SCHEDULES,
    COMFYUI_SCHEDULES,
    LevelTable,
    Schedule,
    make_level_table,
)
from seedwitness.engine.ode_steps import (
    BROWNIAN_SAMPLERS,
    ODE_SAMPLERS,
    PENULTIMATE_DISCARDED,
    Denoise,
    DrawNoise,
)
from seedwitness.errors import ConfigError


@dataclass(frozen=True)
class Tool:
    """The switches of a tool."""

    schedules: Mapping[str, Schedule]
    timesteps: Literal["continuous", "nearest"]
    first_scale: Literal["level", "variance"]
    """The first noise times σ₀, or times √(1 + σ₀²) where σ₀ is the highest level."""
    table_dtype: torch.dtype = torch.float64
    """The number format of ᾱ, from which the levels are computed."""


TOOLS = {
    "a1111": Tool(A1111_SCHEDULES, "continuous", "level", torch.float32),
    "forge": Tool(A1111_SCHEDULES, "nearest", "level"),
    "comfyui": Tool(COMFYUI_SCHEDULES, "nearest", "variance"),
}
A1111_DDIM = "a1111/ddim"
NEARLY = 1e-5
"""The relative difference up to which a level counts as the highest (ComfyUI)."""
ANCESTRAL_TOOL_SAMPLERS = frozenset(
    name
    for name in TOOL_SAMPLERS
    if name.split("/")[1] in ("dpm2-a", "dpmpp-2s-a", "euler-a", "lcm")
)
"""Those whose step noise is drawn in turn from a generator."""

Predict = Any
"""``(x, t) -> output`` of the model for latents that are scaled to variance 1: of as many rows, or
of twice as many, the unconditional ones first."""


def is_tool_sampler(name: str | None) -> bool:
    """Whether a sampler is in the way of a tool; its name has the tool's before a slash."""
    return bool(name) and "/" in str(name)


def find_tool(name: str) -> tuple[Tool, str, str]:
    """Tool, sampler and schedule of a name. Raises ConfigError if it is unknown."""
    if name not in TOOL_SAMPLERS:
        raise ConfigError(f"There is no sampler `{name}`.{suggest_names(name, TOOL_SAMPLERS)}")
    tool, sampler, *schedule = name.split("/")
    return TOOLS[tool], sampler, schedule[0] if schedule else "ddim-uniform"


def compute_levels(name: str, table: LevelTable, steps: int) -> Tensor:
    """The noise levels of a tool's sampler, in falling order: float32 [steps + 1] mostly."""
    tool, sampler, schedule = find_tool(name)
    if sampler not in PENULTIMATE_DISCARDED:
        return tool.schedules[schedule](table, steps)
    levels = tool.schedules[schedule](table, steps + 1)
    return torch.cat([levels[:-2], levels[-1:]])


def scale_first_noise(tool: Tool, table: LevelTable, noise: Tensor, level: Tensor) -> Tensor:
    """The latents from which a tool starts, for unit noise [n, c, h, w]."""
    is_highest = float(level) >= table.highest * (1 - NEARLY)
    if tool.first_scale == "variance" and is_highest:
        return noise * (1 + level**2).sqrt()
    return noise * level


def make_denoise(
    predict: Predict, tool: Tool, table: LevelTable, prediction_type: str, guidance: float = 1.0
) -> Denoise:
    """The clean latents that a model of noise or velocity sees, by its prediction.

    The tools guide the clean latents, and not the predictions.
    """

    def denoise(x: Tensor, level: Tensor) -> Tensor:
        t = table.find_timestep(level.reshape(1), tool.timesteps == "nearest")[0]
        output = predict(x * (1 / (level**2 + 1) ** 0.5), t)
        is_guided = len(output) != len(x)
        rows = torch.cat([x, x]) if is_guided else x
        if prediction_type == "v_prediction":
            clean: Tensor = output * (-level / (level**2 + 1) ** 0.5) + rows * (1 / (level**2 + 1))
        else:
            clean = rows + output * -level
        return _guide(clean, guidance) if is_guided else clean

    return denoise


def _guide(both: Tensor, guidance: float) -> Tensor:
    """Classifier-free guidance of stacked rows, the unconditional ones first (Ho & Salimans)."""
    unconditional, conditional = both.chunk(2)
    return unconditional + guidance * (conditional - unconditional)


def make_draw_noise(
    sampler: str,
    x: Tensor,
    levels: Tensor,
    step_noise: Iterator[Tensor] | None,
    seeds: Sequence[int],
) -> DrawNoise:
    """The noise of a sampler's steps: of a Brownian path for each seed, or drawn in turn.

    Raises ConfigError if the package that makes the paths is not installed.
    """
    if sampler not in BROWNIAN_SAMPLERS:

        def draw_next(level: Tensor, following: Tensor) -> Tensor:
            if step_noise is None:
                raise ValueError(f"{sampler} needs the noise of its steps")
            return next(step_noise).to(x)

        return draw_next
    if find_spec("torchsde") is None:
        raise ConfigError(
            f"The sampler {sampler} needs the package torchsde, which is not installed: "
            '`.venv/bin/pip install "seedwitness[sde]"` installs it.'
        )
    from diffusers.schedulers.scheduling_dpmsolver_sde import BrownianTreeNoiseSampler

    if len(seeds) != len(x):
        raise ValueError(f"{sampler} needs a seed for each row")
    path = BrownianTreeNoiseSampler(
        x, levels[levels > 0].min(), levels.max(), seed=[int(seed) for seed in seeds]
    )

    def read_path(level: Tensor, following: Tensor) -> Tensor:
        with warnings.catch_warnings():  # a level may lie outside of the path by its last bit
            warnings.filterwarnings("ignore", "Should have t[ab]")
            read: Tensor = path(level, following)
            return read

    return read_path


def sample_by_tool(
    name: str,
    config: Mapping[str, Any],
    predict: Predict,
    noise: Tensor,
    steps: int,
    step_noise: Iterator[Tensor] | None = None,
    seeds: Sequence[int] = (),
    guidance: float = 1.0,
) -> Tensor:
    """Sample final latents [n, c, h, w] from unit noise in the way of a tool.

    ``config`` are the settings of the checkpoint's scheduler, which describe its training.
    ``seeds`` are those of the rows, for samplers of Brownian noise. Raises ConfigError for an
    unknown name, or a training that the tools do not know.
    """
    tool, sampler, _ = find_tool(name)
    prediction_type = config.get("prediction_type", "epsilon")
    if prediction_type not in ("epsilon", "v_prediction"):
        raise ConfigError(
            f"The tools' samplers know no checkpoint that predicts {prediction_type}: use "
            "`checkpoint` or one of diffusers' samplers."
        )
    table = make_level_table(config, tool.table_dtype)
    table = LevelTable(table.levels.to(noise.device))
    if name == A1111_DDIM:
        return _sample_a1111_ddim(predict, table, noise, steps, prediction_type, guidance)
    levels = compute_levels(name, table, steps)
    x = scale_first_noise(tool, table, noise, levels[0])
    return ODE_SAMPLERS[sampler](
        make_denoise(predict, tool, table, prediction_type, guidance),
        x,
        levels,
        make_draw_noise(sampler, x, levels, step_noise, seeds),
    )


def _sample_a1111_ddim(
    predict: Predict,
    table: LevelTable,
    noise: Tensor,
    steps: int,
    prediction_type: str,
    guidance: float,
) -> Tensor:
    """DDIM as AUTOMATIC1111 runs it: from timestep 1 + k(n − 1) down to 1, where it stops."""
    count = len(table.levels)
    kept = 1 / (1 + table.levels.double() ** 2)
    timesteps = (torch.arange(0, count, count // steps) + 1).clamp(0, count - 1)
    x = noise
    for t, previous in zip(timesteps.flip(0)[:-1], timesteps.flip(0)[1:], strict=True):
        alpha, alpha_previous = kept[t].float(), kept[previous].float()
        output = predict(x, t.to(noise.device))
        if len(output) != len(x):
            output = _guide(output, guidance)
        if prediction_type == "v_prediction":
            output = alpha.sqrt() * output + (1 - alpha).sqrt() * x
        clean = (x - (1 - alpha).sqrt() * output) / alpha.sqrt()
        x = alpha_previous.sqrt() * clean + (1 - alpha_previous).sqrt() * output
    return x
