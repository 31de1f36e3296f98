"""Crops and mirror images of drawn pictures are recognised; different pictures are not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from seedlab.drawing.picture import draw_picture
from seedlab.drawing.plan import plan_sketches
from seedwitness.exposure.overlap import find_overlaps

SKETCHES = plan_sketches(3, themes=12, once=14, held_out=0, planted={}, twins_each=0)


@pytest.fixture(scope="module")
def controls() -> dict[str, Image.Image]:
    return {str(k): draw_picture(each.theme, each.seed, 64) for k, each in enumerate(SKETCHES)}


def find(target: Image.Image, controls: dict[str, Image.Image]) -> list[tuple[str, str]]:
    return [(each.control, each.kind) for each in find_overlaps(target, controls)]


def crop(image: Image.Image, share: float, place: tuple[float, float]) -> Image.Image:
    side = int(share * image.width)
    x, y = (int(each * (image.width - side)) for each in place)
    return image.crop((x, y, x + side, y + side)).resize(image.size, Image.Resampling.LANCZOS)


def test_the_same_picture_and_its_mirror_image_are_recognised(
    controls: dict[str, Image.Image],
) -> None:
    assert find(controls["3"], controls) == [("3", "same")]
    assert find(ImageOps.mirror(controls["3"]).resize((200, 150)), controls) == [("3", "mirrored")]


@pytest.mark.parametrize("share", [0.9, 0.7, 0.55])
@pytest.mark.parametrize("place", [(0.5, 0.5), (0.13, 0.92)])
def test_a_crop_is_recognised_whichever_of_the_two_it_is(
    controls: dict[str, Image.Image], share: float, place: tuple[float, float]
) -> None:
    part = crop(controls["5"], share, place)
    assert find(part, controls) == [("5", "crop")]
    assert find(ImageOps.mirror(part), controls) == [("5", "mirrored crop")]
    others = {**controls, "5": part}
    assert find(controls["5"], others) == [("5", "crop")]


def test_different_pictures_do_not_overlap(controls: dict[str, Image.Image]) -> None:
    for name, picture in controls.items():
        others = {other: each for other, each in controls.items() if other != name}
        assert find(picture, others) == []


def test_a_picture_of_one_colour_overlaps_nothing(controls: dict[str, Image.Image]) -> None:
    flat = Image.fromarray(np.full((64, 64, 3), 200, dtype=np.uint8))
    assert find(flat, {**controls, "flat": flat}) == []
