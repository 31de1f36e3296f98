"""Patch-L2: known answers and a reference loop over tiles."""

import pytest
import torch

from seedwitness.errors import PictureError
from seedwitness.metrics.patch_l2 import INFO, patch_l2, score_pairs


def test_an_even_difference_is_the_distance() -> None:
    x = torch.full((2, 3, 16, 24), 0.5)
    torch.testing.assert_close(patch_l2(x, x + 0.1), torch.full((2,), 0.1))
    assert patch_l2(x, x).tolist() == [0, 0]
    assert (
        patch_l2(torch.zeros_like(x), torch.ones_like(x)).tolist() == [1, 1] == [INFO.highest] * 2
    )


def test_one_tile_is_enough() -> None:
    x = torch.zeros(3, 16, 16)
    y = x.clone()
    y[:, 4:8, 8:12] = 0.6
    assert patch_l2(x, y).item() == pytest.approx(0.6)
    assert patch_l2(x, y, tile_count=1).item() == pytest.approx(0.6 / 4)
    across = torch.zeros(3, 16, 16)
    across[:, 6:10, 8:12] = 0.6  # half of it in each of two tiles
    assert patch_l2(x, across).item() == pytest.approx(0.6 / 2**0.5)


def test_patch_l2_equals_a_loop_over_tiles() -> None:
    x, y = torch.rand(2, 5, 3, 32, 64)
    plain = [
        max(
            (a[:, r : r + 8, c : c + 16] - b[:, r : r + 8, c : c + 16]).square().mean().sqrt()
            for r in range(0, 32, 8)
            for c in range(0, 64, 16)
        )
        for a, b in zip(x, y, strict=True)
    ]
    torch.testing.assert_close(patch_l2(x, y), torch.stack(plain))
    matrix = patch_l2(x[:, None], y[None])
    assert matrix.shape == (5, 5)
    torch.testing.assert_close(matrix.diagonal(), torch.stack(plain))


def test_scores_are_independent_of_the_batch_size() -> None:
    x, y = torch.randint(256, (2, 7, 3, 16, 16), dtype=torch.uint8)
    whole = score_pairs(x, y)
    torch.testing.assert_close(score_pairs(x, y, batch_size=2), whole, atol=1e-6, rtol=0)
    torch.testing.assert_close(whole, patch_l2(x.float() / 255, y.float() / 255))


@pytest.mark.parametrize("shape", [(3, 16, 20), (3, 18, 16)])
def test_other_sizes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(PictureError, match="size"):
        patch_l2(torch.zeros(3, 16, 16), torch.zeros(shape))
    with pytest.raises(PictureError, match="divisible by 4"):
        patch_l2(torch.zeros(3, 18, 16), torch.zeros(3, 18, 16))
