"""Samplers in σ-space: from noisy latents and falling noise levels to final latents.

Each is a function ``(denoise, x, levels, noise) -> x``: ``denoise(x, level)`` gives the clean
latents that the model sees in ``x`` at noise level σ, ``levels`` are in falling order, and
``noise(level, next_level)`` draws unit noise for the step between two levels. The formulas are
those of the papers, in the order of operations that the tools share (k-diffusion).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import quad
from torch import Tensor

Denoise = Callable[[Tensor, Tensor], Tensor]
DrawNoise = Callable[[Tensor, Tensor], Tensor]
OdeSampler = Callable[[Denoise, Tensor, Tensor, DrawNoise], Tensor]

LMS_ORDER = 4


def _split_level(level: Tensor, following: Tensor) -> tuple[Tensor, Tensor]:
    """The level to go down to, and the noise to add, so that the next level is reached."""
    added = (following**2 * (level**2 - following**2) / level**2) ** 0.5
    added = torch.minimum(following, added)
    return (following**2 - added**2) ** 0.5, added


def sample_euler(denoise: Denoise, x: Tensor, levels: Tensor, noise: DrawNoise) -> Tensor:
    """Euler's method (Karras et al., NeurIPS 2022, algorithm 2 without churn)."""
    for level, following in pairwise(levels):
        x = x + (x - denoise(x, level)) / level * (following - level)
    return x


def sample_euler_ancestral(denoise: Denoise, x: Tensor, levels: Tensor, noise: DrawNoise) -> Tensor:
    """Euler steps down to less noise, and fresh noise after each but the last."""
    for level, following in pairwise(levels):
        down, added = _split_level(level, following)
        x = x + (x - denoise(x, level)) / level * (down - level)
        if following > 0:
            x = x + noise(level, following) * added
    return x


def sample_heun(denoise: Denoise, x: Tensor, levels: Tensor, noise: DrawNoise) -> Tensor:
    """Heun's method (Karras et al., NeurIPS 2022, algorithm 2 without churn)."""
    for level, following in pairwise(levels):
        slope, step = (x - denoise(x, level)) / level, following - level
        if following > 0:
            ahead = x + slope * step
            slope = (slope + (ahead - denoise(ahead, following)) / following) / 2
        x = x + slope * step
    return x


def sample_dpm2(denoise: Denoise, x: Tensor, levels: Tensor, noise: DrawNoise) -> Tensor:
    """DPM-Solver-2: a step from the slope at its middle in log σ (Lu et al., NeurIPS 2022)."""
    for level, following in pairwise(levels):
        slope = (x - denoise(x, level)) / level
        if following > 0:
            middle = level.log().lerp(following.log(), 0.5).exp()
            halfway = x + slope * (middle - level)
            slope = (halfway - denoise(halfway, middle)) / middle
        x = x + slope * (following - level)
    return x


def sample_dpm2_ancestral(denoise: Denoise, x: Tensor, levels: Tensor, noise: DrawNoise) -> Tensor:
    """DPM-Solver-2 steps down to less noise, and fresh noise after each but the last."""
    for level, following in pairwise(levels):
        down, added = _split_level(level, following)
        slope = (x - denoise(x, level)) / level
        if down > 0:
            middle = level.log().lerp(down.log(), 0.5).exp()
            halfway = x + slope * (middle - level)
            slope = (halfway - denoise(halfway, middle)) / middle
        x = x + slope * (down - level)
        if down > 0:
            x = x + noise(level, following) * added
    return x


def _integrate_basis(levels: NDArray[np.float32], place: int, order: int, which: int) -> float:
    """The integral over a step of one of Lagrange's basis polynomials of the last slopes."""

    def basis(tau: float) -> float:
        product = 1.0
        for other in range(order):
            if other != which:
                span = levels[place - which] - levels[place - other]
                product *= (tau - levels[place - other]) / span
        return product

    return float(quad(basis, levels[place], levels[place + 1], epsrel=1e-4)[0])


def sample_lms(denoise: Denoise, x: Tensor, levels: Tensor, noise: DrawNoise) -> Tensor:
    """Linear multistep method of order 4 over the levels."""
    values = levels.cpu().numpy()  # in float32, as the tools integrate
    slopes: list[Tensor] = []
    for place in range(len(values) - 1):
        slopes = [(x - denoise(x, levels[place])) / levels[place], *slopes][:LMS_ORDER]
        order = min(place + 1, LMS_ORDER)
        weights = [_integrate_basis(values, place, order, which) for which in range(order)]
        x = x + sum(weight * slope for weight, slope in zip(weights, slopes, strict=True))
    return x


def sample_dpmpp_2m(denoise: Denoise, x: Tensor, levels: Tensor, noise: DrawNoise) -> Tensor:
    """DPM-Solver++(2M) (Lu et al., 2022)."""
    before: Tensor | None = None
    before_time = levels[0]
    for level, following in pairwise(levels):
        clean = denoise(x, level)
        time, next_time = -level.log(), -following.log()
        step = next_time - time
        direction = clean
        if before is not None and following > 0:
            ratio = (time - before_time) / step
            direction = (1 + 1 / (2 * ratio)) * clean - (1 / (2 * ratio)) * before
        x = ((-next_time).exp() / (-time).exp()) * x - (-step).expm1() * direction
        before, before_time = clean, time
    return x


def sample_dpmpp_2s_ancestral(
    denoise: Denoise, x: Tensor, levels: Tensor, noise: DrawNoise
) -> Tensor:
    """DPM-Solver++(2S) steps down to less noise, and fresh noise after each but the last."""
    for level, following in pairwise(levels):
        down, added = _split_level(level, following)
        clean = denoise(x, level)
        if down > 0:
            time, next_time = -level.log(), -down.log()
            step = next_time - time
            middle = (-(time + 0.5 * step)).exp()
            start, end = (-time).exp(), (-next_time).exp()
            halfway = (middle / start) * x - (-step * 0.5).expm1() * clean
            x = (end / start) * x - (-step).expm1() * denoise(halfway, middle)
        else:
            x = x + (x - clean) / level * (down - level)
        if following > 0:
            x = x + noise(level, following) * added
    return x


def sample_dpmpp_2m_sde(denoise: Denoise, x: Tensor, levels: Tensor, noise: DrawNoise) -> Tensor:
    """SDE-DPM-Solver++(2M), midpoint, η = 1 (Lu et al., 2022)."""
    before: Tensor | None = None
    before_step = levels[0]
    for level, following in pairwise(levels):
        clean = denoise(x, level)
        if following == 0:
            return clean
        step = level.log() - following.log()
        share = -(-2 * step).expm1()
        x = following / level * (-step).exp() * x + share * clean
        if before is not None:
            x = x + 0.5 * share * (step / before_step) * (clean - before)
        x = x + noise(level, following) * following * share.sqrt()
        before, before_step = clean, step
    return x


def sample_dpmpp_sde(denoise: Denoise, x: Tensor, levels: Tensor, noise: DrawNoise) -> Tensor:
    """SDE-DPM-Solver++(S), middle at r = ½, η = 1 (Lu et al., 2022)."""
    for level, following in pairwise(levels):
        clean = denoise(x, level)
        if following == 0:
            x = x + (x - clean) / level * (following - level)
            continue
        time, next_time = -level.log(), -following.log()
        # A Brownian path is read at levels that went through the logarithm, as the tools read it.
        level, following = (-time).exp(), (-next_time).exp()
        middle = (-(time + (next_time - time) * 0.5)).exp()
        down, added = _split_level(level, middle)
        down_time = -down.log()
        halfway = ((-down_time).exp() / level) * x - (time - down_time).expm1() * clean
        halfway = halfway + noise(level, middle) * added
        clean = denoise(halfway, middle)
        down, added = _split_level(level, following)
        down_time = -down.log()
        x = ((-down_time).exp() / level) * x - (time - down_time).expm1() * clean
        x = x + noise(level, following) * added
    return x


def sample_lcm(denoise: Denoise, x: Tensor, levels: Tensor, noise: DrawNoise) -> Tensor:
    """Latent consistency sampling: the clean latents, noised to the next level."""
    for level, following in pairwise(levels):
        x = denoise(x, level)
        if following > 0:
            x = x + following * noise(level, following)
    return x


ODE_SAMPLERS: dict[str, OdeSampler] = {
    "euler": sample_euler,
    "euler-a": sample_euler_ancestral,
    "heun": sample_heun,
    "lms": sample_lms,
    "dpm2": sample_dpm2,
    "dpm2-a": sample_dpm2_ancestral,
    "dpmpp-2m": sample_dpmpp_2m,
    "dpmpp-2s-a": sample_dpmpp_2s_ancestral,
    "dpmpp-2m-sde": sample_dpmpp_2m_sde,
    "dpmpp-sde": sample_dpmpp_sde,
    "lcm": sample_lcm,
}
BROWNIAN_SAMPLERS = frozenset({"dpmpp-2m-sde", "dpmpp-sde"})
"""Samplers whose noise is the difference of one Brownian path between two levels."""
PENULTIMATE_DISCARDED = frozenset({"dpm2", "dpm2-a"})
"""Samplers for which the tools compute a level more and leave the one before the last out."""
