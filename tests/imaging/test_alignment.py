"""Resize rules and alignments of a target."""

import numpy as np
import pytest
import torch
from PIL import Image

from seedwitness.errors import ConfigError
from seedwitness.imaging.alignment import (
    IDENTITY,
    AlignmentSpec,
    check_resize_rule,
    make_alignments,
    resize_by_rule,
    resize_to_tensor,
)
from seedwitness.metrics import scoring


def picture(width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(1)
    return Image.fromarray(rng.integers(0, 250, (height, width, 3), dtype=np.uint8))


def test_a_picture_of_the_right_size_is_unchanged_by_every_rule() -> None:
    image = picture(30, 20)
    for rule in ("stretch", "crop", "letterbox"):
        assert np.array_equal(resize_by_rule(image, 30, 20, rule), image)


def test_stretch_resizes_by_lanczos() -> None:
    image = picture(50, 20)
    expected = image.resize((40, 24), Image.Resampling.LANCZOS)
    assert np.array_equal(resize_by_rule(image, 40, 24, "stretch"), expected)


def test_crop_keeps_the_middle_as_training_pipelines_do() -> None:
    image = picture(60, 20)
    assert np.array_equal(resize_by_rule(image, 20, 20, "crop"), image.crop((20, 0, 40, 20)))


def test_a_letterbox_has_white_bars_and_the_whole_picture() -> None:
    array = np.asarray(resize_by_rule(picture(40, 20), 40, 40, "letterbox"))
    assert (array[:10] == 255).all()
    assert (array[30:] == 255).all()
    assert np.array_equal(array[10:30], picture(40, 20))


def test_an_unknown_rule_is_reported_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"search.resize: there is no rule `strech`.*stretch"):
        check_resize_rule("strech")


def test_alignments_are_listed_by_name() -> None:
    target = resize_to_tensor(picture(9, 7), 9, 7, "stretch")
    assert list(make_alignments(target)) == [IDENTITY]
    assert list(make_alignments(target, mirrored=True)) == [IDENTITY, "mirrored"]
    alignments = make_alignments(target, mirrored=True, shift=2)
    assert len(alignments) == 18
    assert torch.equal(alignments["mirrored"], target.flip(-1))
    shifted = alignments["shifted by 2, -2"]
    assert torch.equal(shifted[:, :5, 2:], target[:, 2:, :7])
    assert (shifted[:, :5, 1] == target[:, 2:, 0]).all()  # pixels that enter repeat the border


@pytest.mark.parametrize("name", ["psnr", "patch-l2"])
def test_the_closest_alignment_counts_and_is_named(name: str) -> None:
    image = picture(32, 32)
    alignments = AlignmentSpec("stretch", mirrored=True, shift=3).make_alignments(image, 32, 32)
    pictures = torch.stack(
        [alignments["mirrored"], alignments[IDENTITY], alignments["mirrored, shifted by 3, 0"]]
    )
    metric = scoring.load_metrics([name], {}, 4)
    rows = scoring.score_trials(metric, ["a", "b", "c"], pictures, [], alignments)
    assert [row["alignment"] for row in rows] == [
        "mirrored",
        IDENTITY,
        "mirrored, shifted by 3, 0",
    ]
    best = 100 if name == "psnr" else 0
    assert [row["score"] for row in rows] == pytest.approx([best] * 3)
    unaligned = scoring.score_trials(
        metric, ["a", "b", "c"], pictures, [], make_alignments(alignments[IDENTITY])
    )
    assert {row["alignment"] for row in unaligned} == {IDENTITY}
    assert unaligned[1]["score"] == best != unaligned[0]["score"]
