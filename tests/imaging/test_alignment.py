"""How a target is laid over a generation: rules of fitting, and positions."""

import numpy as np
import pytest
import torch
from PIL import Image

from seedwitness.errors import ConfigError
from seedwitness.imaging.alignment import (
    AS_IT_IS,
    AlignmentSpec,
    alignments,
    check,
    describe_resize,
    fitted,
    resized_pixels,
)
from seedwitness.metrics import scoring


def picture(width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(1)
    return Image.fromarray(rng.integers(0, 250, (height, width, 3), dtype=np.uint8))


def test_a_picture_of_the_right_size_is_left_alone_by_every_rule() -> None:
    image = picture(30, 20)
    for rule in ("stretch", "crop", "letterbox"):
        assert np.array_equal(fitted(image, 30, 20, rule), image)
        assert describe_resize(image, 30, 20, rule) == "target compared at its own size, 30 × 20"


def test_stretched_by_lanczos() -> None:
    image = picture(50, 20)
    expected = image.resize((40, 24), Image.Resampling.LANCZOS)
    assert np.array_equal(fitted(image, 40, 24, "stretch"), expected)
    assert (
        describe_resize(image, 40, 24, "stretch")
        == "target stretched from 50 × 20 to 40 × 24 by Lanczos"
    )


def test_cropped_to_the_middle_as_trainings_do() -> None:
    image = picture(60, 20)
    assert np.array_equal(fitted(image, 20, 20, "crop"), image.crop((20, 0, 40, 20)))
    assert describe_resize(image, 20, 20, "crop").startswith(
        "target cut to the middle of its 60 × 20"
    )


def test_a_letterbox_has_white_bars_and_the_whole_picture() -> None:
    array = np.asarray(fitted(picture(40, 20), 40, 40, "letterbox"))
    assert (array[:10] == 255).all()
    assert (array[30:] == 255).all()
    assert np.array_equal(array[10:30], picture(40, 20))


def test_an_unknown_rule_is_told_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"search.resize: there is no `strech`.*stretch"):
        check("strech")


def test_positions() -> None:
    target = resized_pixels(picture(9, 7), 9, 7, "stretch")
    assert list(alignments(target)) == [AS_IT_IS]
    assert list(alignments(target, mirrored=True)) == [AS_IT_IS, "mirrored"]
    every = alignments(target, mirrored=True, shift=2)
    assert len(every) == 18
    assert torch.equal(every["mirrored"], target.flip(-1))
    moved = every["shifted by 2, -2"]
    assert torch.equal(moved[:, :5, 2:], target[:, 2:, :7])
    assert (moved[:, :5, 1] == target[:, 2:, 0]).all()  # what comes in repeats the border


@pytest.mark.parametrize("name", ["psnr", "patch-l2"])
def test_the_closest_position_counts_and_is_named(name: str) -> None:
    image = picture(32, 32)
    laid = AlignmentSpec("stretch", mirrored=True, shift=3).of(image, 32, 32)
    made = torch.stack([laid["mirrored"], laid[AS_IT_IS], laid["mirrored, shifted by 3, 0"]])
    metric = scoring.load([name], {}, 4)
    rows = scoring.rows(metric, ["a", "b", "c"], made, [], laid)
    assert [row["alignment"] for row in rows] == [
        "mirrored",
        AS_IT_IS,
        "mirrored, shifted by 3, 0",
    ]
    best = 100 if name == "psnr" else 0
    assert [row["score"] for row in rows] == pytest.approx([best] * 3)
    plain = scoring.rows(metric, ["a", "b", "c"], made, [], alignments(laid[AS_IT_IS]))
    assert {row["alignment"] for row in plain} == {AS_IT_IS}
    assert plain[1]["score"] == best != plain[0]["score"]
