"""SSIM, MS-SSIM (Wang et al., IEEE TIP 2004 and Asilomar 2003) and PSNR, by torchmetrics.

Higher is closer. SSIM lies in [-1, 1], with the paper's window of 11 × 11, σ 1.5; MS-SSIM in [0, 1]
over five scales, each half of the one before, so that it needs 176 pixels a side; PSNR is in dB,
cut off at 100, which stands for equal pixels. All compare pixel with pixel: a shift of a few takes
most of the likeness away, of MS-SSIM's less. The literature agrees on no copy threshold.
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

WINDOW = 11
SCALES = 5
EQUAL = 100.0

_info = partial(
    MetricInfo,
    version="1",
    label=NO_WEIGHTS,
    weights_sha256=None,
    higher_is_closer=True,
    copy_threshold=None,
)
SSIM = _info(name="ssim", lowest=-1.0, highest=1.0, source="Wang et al., IEEE TIP 2004")
MS_SSIM = _info(name="ms-ssim", lowest=0.0, highest=1.0, source="Wang et al., Asilomar 2003")
PSNR = _info(name="psnr", lowest=0.0, highest=EQUAL, source="10 log10(1 / mean squared error)")


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Mean structural similarity of pictures in [0, 1]: two [n, 3, height, width] to [n]."""
    if min(first.shape[-2:]) < WINDOW:
        raise PictureError(
            f"SSIM looks at windows of {WINDOW} × {WINDOW} pixels; a picture of "
            f"{first.shape[-1]} × {first.shape[-2]} has none. Leave `ssim` out of score.metrics."
        )
    found = structural_similarity_index_measure(first, second, data_range=1.0, reduction="none")
    assert isinstance(found, Tensor)
    return found.reshape(len(first))


def ms_ssim(first: Tensor, second: Tensor) -> Tensor:
    """Structural similarity over five scales, of pictures in [0, 1]: two [n, 3, h, w] to [n].

    Negative terms count as 0, as in torchmetrics' ``relu``: a root of them is no number.
    """
    least = WINDOW * 2 ** (SCALES - 1)
    if min(first.shape[-2:]) < least:
        raise PictureError(
            f"MS-SSIM halves a picture {SCALES - 1} times and then looks at windows of {WINDOW} × "
            f"{WINDOW} pixels: both sides have to be {least} or longer, not "
            f"{first.shape[-1]} × {first.shape[-2]}. Leave `ms-ssim` out of score.metrics."
        )
    found = multiscale_structural_similarity_index_measure(
        first, second, data_range=1.0, normalize="relu", reduction="none"
    )
    return found.reshape(len(first))


def psnr(first: Tensor, second: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of pictures in [0, 1], in dB: two [n, 3, h, w] to [n]."""
    found: Tensor = peak_signal_noise_ratio(
        first, second, data_range=1.0, reduction="none", dim=(1, 2, 3)
    )
    return found.clamp_max(EQUAL)


def ssim_scores(pictures: Tensor, references: Tensor, batch: int = 32) -> Tensor:
    """SSIM of each picture with the reference of the same row: two uint8 stacks to [n]."""
    parts = zip(pictures.split(batch), references.split(batch), strict=True)
    return torch.cat([ssim(a.float() / 255, b.float() / 255) for a, b in parts])


def ms_ssim_scores(pictures: Tensor, references: Tensor, batch: int = 32) -> Tensor:
    """MS-SSIM of each picture with the reference of the same row: two uint8 stacks to [n]."""
    parts = zip(pictures.split(batch), references.split(batch), strict=True)
    return torch.cat([ms_ssim(a.float() / 255, b.float() / 255) for a, b in parts])


def psnr_scores(pictures: Tensor, references: Tensor, batch: int = 32) -> Tensor:
    """PSNR of each picture with the reference of the same row: two uint8 stacks to [n]."""
    parts = zip(pictures.split(batch), references.split(batch), strict=True)
    return torch.cat([psnr(a.float() / 255, b.float() / 255) for a, b in parts])
