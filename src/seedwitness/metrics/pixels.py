"""Compute SSIM, MS-SSIM (Wang et al., IEEE TIP 2004 and Asilomar 2003) and PSNR by torchmetrics.

Higher is closer. SSIM is in [-1, 1], with the paper's window of 11 × 11 pixels, σ 1.5. MS-SSIM is
in [0, 1] over five scales, each half of the one before, so it needs 176 pixels a side. PSNR is in
dB, capped at 100 dB, which stands for equal pixels. All compare pixel by pixel: a shift by a few
pixels removes most of the similarity, less of MS-SSIM's. The literature agrees on no copy
threshold.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from seedwitness.errors import PictureError
from seedwitness.metrics import NO_WEIGHTS, MetricInfo
from seedwitness.runtime.devices import full_precision

WINDOW_SIDE = 11
SCALE_COUNT = 5
MAX_PSNR = 100.0

_make_info = partial(
    MetricInfo,
    version="1",
    label=NO_WEIGHTS,
    weights_sha256=None,
    higher_is_closer=True,
    copy_threshold=None,
)
SSIM = _make_info(name="ssim", lowest=-1.0, highest=1.0, source="Wang et al., IEEE TIP 2004")
MS_SSIM = _make_info(name="ms-ssim", lowest=0.0, highest=1.0, source="Wang et al., Asilomar 2003")
PSNR = _make_info(
    name="psnr", lowest=0.0, highest=MAX_PSNR, source="10 log10(1 / mean squared error)"
)


@full_precision()
def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Compute mean structural similarity of pictures in [0, 1]: two [n, 3, h, w] to [n].

    Its convolutions need full precision on a GPU. Raises PictureError for pictures smaller than
    the window.
    """
    if min(first.shape[-2:]) < WINDOW_SIDE:
        raise PictureError(
            f"SSIM compares windows of {WINDOW_SIDE} × {WINDOW_SIDE} pixels; a picture of "
            f"{first.shape[-1]} × {first.shape[-2]} is too small. Remove `ssim` from score.metrics."
        )
    values = structural_similarity_index_measure(first, second, data_range=1.0, reduction="none")
    assert isinstance(values, Tensor)
    return values.reshape(len(first))


@full_precision()
def ms_ssim(first: Tensor, second: Tensor) -> Tensor:
    """Compute structural similarity over five scales, pictures in [0, 1]: two [n, 3, h, w] to [n].

    Negative terms count as 0 (torchmetrics' ``relu``), because their roots are not real. Raises
    PictureError for pictures that are too small.
    """
    min_side = WINDOW_SIDE * 2 ** (SCALE_COUNT - 1)
    if min(first.shape[-2:]) < min_side:
        raise PictureError(
            f"MS-SSIM halves a picture {SCALE_COUNT - 1} times and then compares windows of "
            f"{WINDOW_SIDE} × {WINDOW_SIDE} pixels: both sides must have at least {min_side} "
            f"pixels, not {first.shape[-1]} × {first.shape[-2]}. Remove `ms-ssim` from "
            "score.metrics."
        )
    values = multiscale_structural_similarity_index_measure(
        first, second, data_range=1.0, normalize="relu", reduction="none"
    )
    return values.reshape(len(first))


def psnr(first: Tensor, second: Tensor) -> Tensor:
    """Compute the peak signal-to-noise ratio in dB, pictures in [0, 1]: two [n, 3, h, w] to [n]."""
    values: Tensor = peak_signal_noise_ratio(
        first, second, data_range=1.0, reduction="none", dim=(1, 2, 3)
    )
    return values.clamp_max(MAX_PSNR)


def score_ssim(pictures: Tensor, references: Tensor, batch_size: int = 32) -> Tensor:
    """Score each picture against the reference of its row: two uint8 stacks to SSIM [n]."""
    batches = zip(pictures.split(batch_size), references.split(batch_size), strict=True)
    return torch.cat([ssim(a.float() / 255, b.float() / 255) for a, b in batches])


def score_ms_ssim(pictures: Tensor, references: Tensor, batch_size: int = 32) -> Tensor:
    """Score each picture against the reference of its row: two uint8 stacks to MS-SSIM [n]."""
    batches = zip(pictures.split(batch_size), references.split(batch_size), strict=True)
    return torch.cat([ms_ssim(a.float() / 255, b.float() / 255) for a, b in batches])


def score_psnr(pictures: Tensor, references: Tensor, batch_size: int = 32) -> Tensor:
    """Score each picture against the reference of its row: two uint8 stacks to PSNR [n]."""
    batches = zip(pictures.split(batch_size), references.split(batch_size), strict=True)
    return torch.cat([psnr(a.float() / 255, b.float() / 255) for a, b in batches])
