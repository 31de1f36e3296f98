"""Features of no model: what they see of a file, its pixels and its caption."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seedwitness.exposure.blind_features import describe_image, list_features
from seedwitness.records.exposure import FEATURES
from seedwitness.records.tables import make_typed_frame


@pytest.fixture
def picture() -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 256, (90, 60, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((120, 180), Image.Resampling.BICUBIC)


def test_every_picture_and_caption_has_the_same_features(
    tmp_path: Path, picture: Image.Image
) -> None:
    picture.save(tmp_path / "a.png")
    picture.convert("L").save(tmp_path / "b.jpg", quality=80)
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "c.webp")
    described = [
        describe_image(tmp_path / name, caption)
        for name, caption in (("a.png", "an owl"), ("b.jpg", ""), ("c.webp", "Ünï… 7,"))
    ]
    names = [[(row["group"], row["feature"]) for row in list_features("", d)] for d in described]
    assert names[0] == names[1] == names[2]
    for each in described:
        table = make_typed_frame(list_features("x", each), FEATURES)
        assert np.isfinite(table["value"]).all()


def test_a_recompressed_file_differs_in_its_tables_and_hardly_in_its_colours(
    tmp_path: Path, picture: Image.Image
) -> None:
    picture.save(tmp_path / "a.png")
    for quality in (90, 50):
        picture.save(tmp_path / f"{quality}.jpg", quality=quality)
    plain, fine, coarse = (
        describe_image(tmp_path / name, "") for name in ("a.png", "90.jpg", "50.jpg")
    )
    assert set(plain["jpeg"].values()) == {0}
    assert coarse["jpeg"]["luminance high"] > 3 * fine["jpeg"]["luminance high"] > 0
    assert fine["file"]["is JPEG"] == plain["file"]["is PNG"] == 1
    assert fine["size"] == plain["size"] == {**plain["size"], "aspect": pytest.approx(-0.585, 0.01)}
    assert fine["colour"]["red mean"] == pytest.approx(plain["colour"]["red mean"], abs=0.01)


def test_a_caption_is_described_by_its_letters(tmp_path: Path, picture: Image.Image) -> None:
    picture.save(tmp_path / "a.png")
    one, other, none = (
        describe_image(tmp_path / "a.png", text)["caption"]
        for text in ("an owl at night, oil on canvas", "AN OWL AT NIGHT, OIL ON CANVAS", "")
    )
    differing = {name for name in one if one[name] != other[name]}
    assert differing == {"capitals"}
    assert set(none.values()) == {0}
    assert one["words"] == pytest.approx(np.log1p(7))
    grams = [value for name, value in one.items() if name.startswith("letter sequences")]
    assert sum(np.square(grams)) == pytest.approx(1)
