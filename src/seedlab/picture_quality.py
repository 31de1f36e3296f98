"""How sharp pictures are, and how far a set of pictures is from another one."""

from __future__ import annotations

import numpy as np
import scipy.linalg
import torch
from torch import Tensor

HALF_OF_HIGHEST = 0.25
"""Half of the highest frequency that a grid of pixels holds, in cycles per pixel."""


def high_frequency_power(pixels: Tensor) -> Tensor:
    """Power of the luminance above half of the highest frequency, of uint8 [n, 3, h, w]: [n].

    In squared grey levels of 255. The frequency of a component is the length of its vector.
    """
    weights = torch.tensor([0.299, 0.587, 0.114])
    grey = (pixels.float() * weights[:, None, None]).sum(1)  # [n, h, w]
    height, width = grey.shape[-2:]
    spectrum = torch.fft.fft2(grey).abs().square() / (height * width) ** 2
    rows, columns = torch.fft.fftfreq(height), torch.fft.fftfreq(width)
    frequency = (rows[:, None].square() + columns[None].square()).sqrt()
    power: Tensor = (spectrum * (frequency > HALF_OF_HIGHEST)).sum((-2, -1))
    return power


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """Fréchet distance of normal distributions fitted to features [n, d] (Dowson & Landau 1982).

    The squared distance of the means, plus the trace of Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½, as in the Fréchet
    Inception distance (Heusel et al., NeurIPS 2017). Biased upwards where n is not far above d.
    """
    a, b = first.double().numpy(), second.double().numpy()
    product = scipy.linalg.sqrtm(np.cov(a, rowvar=False) @ np.cov(b, rowvar=False))
    means = np.square(a.mean(0) - b.mean(0)).sum()
    spread = np.trace(np.cov(a, rowvar=False)) + np.trace(np.cov(b, rowvar=False))
    return float(means + spread - 2 * np.trace(np.real(product)))
