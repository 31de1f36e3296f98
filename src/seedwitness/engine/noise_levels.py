"""Noise levels σ of the tools' schedules, from the first to the last.

A level is √((1 − ᾱ)/ᾱ) for the ᾱ of the checkpoint's training, so 0 stands for clean latents. The
tools give them names; each function here says whose it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.stats import beta as beta_distribution
from torch import Tensor

from seedwitness.errors import ConfigError

RHO = 7.0
BETA_SHAPE = 0.6


@dataclass(frozen=True)
class LevelTable:
    """The levels of all timesteps of a checkpoint's training, in rising order: float32 [n]."""

    levels: Tensor

    @property
    def lowest(self) -> float:
        """The level of the first timestep."""
        return float(self.levels[0])

    @property
    def highest(self) -> float:
        """The level of the last timestep."""
        return float(self.levels[-1])

    def at(self, timesteps: Tensor) -> Tensor:
        """Levels of timesteps, interpolated in their logarithm between whole ones."""
        logs = self.levels.log()
        low, high = timesteps.floor().long(), timesteps.ceil().long()
        weight = timesteps - low
        return ((1 - weight) * logs[low] + weight * logs[high]).exp()

    def find_timestep(self, level: Tensor, nearest: bool) -> Tensor:
        """The timestep of a level: the nearest whole one, or interpolated in the logarithm."""
        distances = level.log() - self.levels.log()[:, None]  # [n, rows]
        if nearest:
            return distances.abs().argmin(dim=0).view(level.shape)
        count = len(self.levels)
        low_place = distances.ge(0).cumsum(dim=0).argmax(dim=0).clamp(max=count - 2)
        logs = self.levels.log()
        low, high = logs[low_place], logs[low_place + 1]
        weight = ((low - level.log()) / (low - high)).clamp(0, 1)
        return ((1 - weight) * low_place + weight * (low_place + 1)).view(level.shape)


def make_level_table(config: Mapping[str, Any], dtype: torch.dtype = torch.float64) -> LevelTable:
    """The table of a scheduler's settings, from ᾱ computed in float64 and kept in ``dtype``.

    A Brownian path is read at levels, so their last bits count: AUTOMATIC1111 keeps ᾱ in float32.
    Raises ConfigError for settings other than the usual training schedules.
    """
    count = config.get("num_train_timesteps", 1000)
    start, end = config.get("beta_start", 0.00085), config.get("beta_end", 0.012)
    kind = config.get("beta_schedule", "scaled_linear")
    if config.get("trained_betas") is not None or kind not in ("scaled_linear", "linear"):
        raise ConfigError(
            f"The tools' samplers know no training schedule `{kind}` with betas of its own: use "
            "one of diffusers' samplers."
        )
    power = 2 if kind == "scaled_linear" else 1
    betas = np.linspace(start ** (1 / power), end ** (1 / power), count, dtype=np.float64) ** power
    kept = np.cumprod(1 - betas)
    if config.get("rescale_betas_zero_snr"):
        roots = np.sqrt(kept)
        roots = (roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])
        kept = roots**2
        kept[-1] = 4.8973451890853435e-08  # the tools' stand-in for 0
    products = torch.from_numpy(kept).to(dtype)
    return LevelTable((((1 - products) / products) ** 0.5).float())


def _add_zero(levels: Tensor) -> Tensor:
    return torch.cat([levels, levels.new_zeros(1)])


def space_evenly(table: LevelTable, steps: int) -> Tensor:
    """Even timesteps from the last to the first, then 0: "uniform", "normal"."""
    return _add_zero(table.at(torch.linspace(len(table.levels) - 1, 0, steps)))


def space_by_karras(table: LevelTable, steps: int) -> Tensor:
    """Even in σ^(1/7), then 0 (Karras et al., NeurIPS 2022)."""
    low, high = table.lowest ** (1 / RHO), table.highest ** (1 / RHO)
    return _add_zero((high + torch.linspace(0, 1, steps) * (low - high)) ** RHO)


def space_exponentially(table: LevelTable, steps: int) -> Tensor:
    """Even in the logarithm of σ, then 0."""
    ends = math.log(table.highest), math.log(table.lowest)
    return _add_zero(torch.linspace(*ends, steps).exp())


def space_sgm(table: LevelTable, steps: int) -> Tensor:
    """Even timesteps, the last of n + 1 left out, then 0: "SGM uniform"."""
    return _add_zero(table.at(torch.linspace(len(table.levels) - 1, 0, steps + 1)[:-1]))


def space_simply(table: LevelTable, steps: int) -> Tensor:
    """Every so many entries of the table from its end, then 0: "simple"."""
    stride = len(table.levels) / steps
    places = [-1 - int(number * stride) for number in range(steps)]
    return _add_zero(table.levels[places])


def space_as_ddim(table: LevelTable, steps: int) -> Tensor:
    """Entries 1, 1 + k, 1 + 2k, … of the table in falling order, then 0: "DDIM uniform".

    There are more than ``steps`` where they do not divide the table.
    """
    stride = max(len(table.levels) // steps, 1)
    return _add_zero(table.levels[1::stride].flip(0))


def space_by_beta_levels(table: LevelTable, steps: int) -> Tensor:
    """Quantiles of a beta distribution between the lowest and the highest σ, then 0 (A1111)."""
    quantiles = 1 - np.linspace(0, 1, steps)
    shares = beta_distribution.ppf(quantiles, BETA_SHAPE, BETA_SHAPE)
    levels = table.lowest + shares * (table.highest - table.lowest)
    return _add_zero(torch.from_numpy(levels).float())


def space_by_beta_timesteps(table: LevelTable, steps: int) -> Tensor:
    """Timesteps at quantiles of a beta distribution, each once, then 0 (ComfyUI)."""
    quantiles = 1 - np.linspace(0, 1, steps, endpoint=False)
    shares = beta_distribution.ppf(quantiles, BETA_SHAPE, BETA_SHAPE)
    places = np.rint(shares * (len(table.levels) - 1)).astype(int)
    return _add_zero(table.levels[list(dict.fromkeys(places.tolist()))])


def _space_kl(table: LevelTable, shares: Tensor) -> Tensor:
    low, high = math.atan(table.lowest), math.atan(table.highest)
    return (shares * low + (1 - shares) * high).tan()


def space_kl_to_lowest(table: LevelTable, steps: int) -> Tensor:
    """Even in arctan σ down to the lowest level, without 0: "KL optimal" (A1111)."""
    return _space_kl(table, torch.arange(steps + 1) / steps)


def space_kl(table: LevelTable, steps: int) -> Tensor:
    """Even in arctan σ, then 0: "kl_optimal" (ComfyUI)."""
    return _add_zero(_space_kl(table, torch.arange(steps) / max(steps - 1, 1)))


Schedule = Callable[[LevelTable, int], Tensor]
SHARED_SCHEDULES: dict[str, Schedule] = {
    "uniform": space_evenly,
    "karras": space_by_karras,
    "exponential": space_exponentially,
    "sgm-uniform": space_sgm,
    "simple": space_simply,
    "ddim-uniform": space_as_ddim,
}
"""Schedules that all tools have, by the names of AUTOMATIC1111; ComfyUI's "normal" is uniform."""
A1111_SCHEDULES = SHARED_SCHEDULES | {
    "beta": space_by_beta_levels,
    "kl-optimal": space_kl_to_lowest,
}
COMFYUI_SCHEDULES = SHARED_SCHEDULES | {"beta": space_by_beta_timesteps, "kl-optimal": space_kl}
