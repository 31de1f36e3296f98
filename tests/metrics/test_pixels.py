"""SSIM and PSNR: known answers, a reference implementation, independence of the batch size."""

import pytest
import torch

from seedwitness.errors import PictureError
from seedwitness.metrics.pixels import (
    PSNR,
    ms_ssim,
    psnr,
    score_ms_ssim,
    score_psnr,
    score_ssim,
    ssim,
)


def plain_ssim(x: torch.Tensor, y: torch.Tensor) -> float:
    """Compute Wang et al.'s formula on one picture, window by window, valid windows only."""
    at = torch.arange(11.0) - 5
    line = torch.exp(-at.square() / (2 * 1.5**2))
    weights = (line[:, None] * line[None]) / line.sum() ** 2
    c1, c2 = 0.01**2, 0.03**2
    found = []
    for a, b in zip(x, y, strict=True):
        for row in range(a.shape[0] - 10):
            for column in range(a.shape[1] - 10):
                p, q = (z[row : row + 11, column : column + 11] for z in (a, b))
                mp, mq = (weights * p).sum(), (weights * q).sum()
                vp = (weights * (p - mp) ** 2).sum()
                vq = (weights * (q - mq) ** 2).sum()
                cov = (weights * (p - mp) * (q - mq)).sum()
                found.append(
                    (2 * mp * mq + c1) * (2 * cov + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2))
                )
    return torch.stack(found).mean().item()


def test_known_answers() -> None:
    x = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(ssim(x, x), torch.ones(2))
    assert psnr(x, x).tolist() == [PSNR.highest] * 2
    torch.testing.assert_close(psnr(x * 0.5, x * 0.5 + 0.1), torch.full((2,), 20.0))


def test_ssim_equals_the_formula() -> None:
    x, y = torch.rand(2, 3, 22, 24, generator=torch.Generator().manual_seed(2))
    near = (x + 0.2 * y).clamp(0, 1)
    for other in (y, near):
        assert ssim(x[None], other[None]).item() == pytest.approx(plain_ssim(x, other), abs=0.02)
    assert ssim(x[None], near[None]) > ssim(x[None], y[None])


def test_scores_are_independent_of_the_batch_size() -> None:
    x, y = torch.randint(256, (2, 7, 3, 16, 16), dtype=torch.uint8)
    for scores in (score_ssim, score_psnr):
        torch.testing.assert_close(scores(x, y, batch_size=2), scores(x, y), atol=1e-5, rtol=0)


def test_ms_ssim_is_the_product_over_five_scales() -> None:
    """Contrast and structure at each scale, the whole SSIM at the last (Wang et al., eq. 7)."""
    x, y = torch.rand(2, 1, 3, 192, 192, generator=torch.Generator().manual_seed(3))
    near = (x + 0.3 * y).clamp(0, 1)
    exponents = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    expected = torch.ones(())
    a, b = x, near
    for place, exponent in enumerate(exponents):
        last = place == len(exponents) - 1
        expected = expected * (ssim(a, b) if last else structure(a, b)) ** exponent
        a, b = (torch.nn.functional.avg_pool2d(each, 2) for each in (a, b))
    assert ms_ssim(x, near).item() == pytest.approx(expected.item(), abs=0.02)
    torch.testing.assert_close(ms_ssim(x, x), torch.ones(1))


def structure(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Compute SSIM's contrast and structure term over its windows, without luminance."""
    at = torch.arange(11.0) - 5
    line = torch.exp(-at.square() / (2 * 1.5**2))
    weights = ((line[:, None] * line[None]) / line.sum() ** 2).expand(3, 1, 11, 11)

    def mean(z: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv2d(z, weights, groups=3)

    mx, my, c2 = mean(x), mean(y), 0.03**2
    vx, vy, cov = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    return ((2 * cov + c2) / (vx + vy + c2)).mean()


def test_ms_ssim_is_independent_of_the_batch_size() -> None:
    x, y = torch.randint(256, (2, 3, 3, 176, 180), dtype=torch.uint8)
    both = score_ms_ssim(x, y, batch_size=2), score_ms_ssim(x, y)
    torch.testing.assert_close(*both, atol=1e-5, rtol=0)


def test_ms_ssim_refuses_pictures_too_small_for_five_scales() -> None:
    small = torch.zeros(1, 3, 175, 400)
    with pytest.raises(
        PictureError, match="both sides must have at least 176 pixels, not 400 × 175"
    ):
        ms_ssim(small, small)


def test_a_picture_smaller_than_a_window_is_refused() -> None:
    tiny = torch.zeros(1, 3, 8, 32)
    with pytest.raises(PictureError, match="windows of 11"):
        ssim(tiny, tiny)
