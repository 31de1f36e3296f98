"""Which images become controls: by the hash of their names, or the most similar to examples."""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seedlab.drawing.picture import draw_picture
from seedlab.drawing.plan import plan_sketches
from seedwitness.config.verdicts import ControlSettings
from seedwitness.controls.selection import order_by_similarity, select_images
from seedwitness.errors import ConfigError, PictureError

LAB = Path(__file__).parents[2] / "data" / "lab"
WEIGHTS = {"descriptor": LAB / "metrics/descriptor/descriptor.pt"}
PLAN = plan_sketches(3, themes=12, once=12, held_out=0, planted={}, twins_each=0)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Eleven drawn pictures, and a paler copy of one of them."""
    folder = tmp_path / "outside"
    folder.mkdir()
    pictures = [draw_picture(sketch.theme, sketch.seed, 96) for sketch in PLAN[:11]]
    pale = np.asarray(pictures[5], dtype=float) * 0.8 + 40
    pictures.append(Image.fromarray(pale.astype(np.uint8)))
    lines = []
    for number, picture in enumerate(pictures):
        picture.save(folder / f"{number}.png")
        lines.append(json.dumps({"file_name": f"{number}.png", "text": "a picture"}))
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def settings(outside: Path, like: Path) -> ControlSettings:
    return ControlSettings(
        path=outside, count=4, source="drawn", similar_to=[like], watch=like.parent
    )


def test_the_most_alike_come_first_whatever_their_size(outside: Path) -> None:
    like = outside.parent / "like.png"
    with Image.open(outside / "5.png") as picture:
        picture.resize((150, 110)).save(like)
    order = order_by_similarity(settings(outside, like), WEIGHTS)
    chosen = list(select_images(outside, 4, "controls.count", "controls.path", order))
    assert {path.name for path in chosen[:2]} == {"5.png", "11.png"}
    assert len(chosen) == 4


def test_without_a_picture_to_resemble_nobody_chooses(outside: Path) -> None:
    names = [f"{number}.png" for number in range(12)]
    expected = sorted(names, key=lambda name: sha256(name.encode()).digest())[:4]
    assert [
        path.name for path in select_images(outside, 4, "controls.count", "controls.path")
    ] == expected


def test_without_a_descriptor_nothing_is_alike(outside: Path) -> None:
    with pytest.raises(ConfigError, match=r"score\.weights names no `descriptor`"):
        order_by_similarity(settings(outside, outside / "5.png"), {})


def test_an_image_that_would_be_refused_as_a_target_is_no_control(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    entries = _folder_of(tmp_path, 6)
    refused = list(select_images(tmp_path, 6, "count", "path"))[1]
    chosen = select_images(tmp_path, 4, "count", "path", is_refused=lambda path: path == refused)
    assert refused not in chosen
    assert list(chosen) == [path for path in entries if path != refused][:4]
    assert f"1 images of {tmp_path} are too flat" in caplog.text
    with pytest.raises(PictureError, match="has 5 images that are not too flat or pale"):
        select_images(tmp_path, 6, "count", "path", is_refused=lambda path: path == refused)


def _folder_of(folder: Path, count: int) -> list[Path]:
    """A folder of images; gives their paths in the order of selection."""
    for number in range(count):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{number}.png")
    lines = [f'{{"file_name": "{number}.png", "text": "a sheet"}}' for number in range(count)]
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    return list(select_images(folder, count, "count", "path"))
