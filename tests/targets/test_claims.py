"""Claims of a file about its making: parsed if possible, otherwise reported."""

from pathlib import Path
from typing import Any

import pytest
from claiming import SETTINGS, check_the_owl, claimed, with_text
from PIL import Image
from PIL.ExifTags import IFD, Base

SHARED = Path(__file__).parents[3] / "shared" / "data" / "generation-metadata"


def test_automatic1111_in_a_png(tmp_path: Path) -> None:
    (claim,), unread = claimed(with_text(tmp_path / "a.png", parameters=SETTINGS))
    check_the_owl(claim)
    assert claim.others["found in"] == "PNG text"
    assert claim.others["as written, parameters"] == SETTINGS
    assert unread == []


@pytest.mark.parametrize("codec", ["utf-16-be", "utf-16-le"])
@pytest.mark.parametrize("suffix", ["jpg", "webp", "tiff"])
def test_automatic1111_in_exif_of_either_byte_order(
    codec: str, suffix: str, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif.get_ifd(IFD.Exif)[Base.UserComment] = b"UNICODE\0" + SETTINGS.encode(codec)
    path = tmp_path / f"a.{suffix}"
    # As bytes: into a TIFF, Pillow does not write the directories of an Exif object.
    Image.new("RGB", (16, 16)).save(path, exif=exif.tobytes())
    (claim,), unread = claimed(path)
    check_the_owl(claim)
    assert claim.others["found in"] == "EXIF's user comment"
    assert unread == []


def test_a_picture_never_gets_the_comment_of_another(tmp_path: Path) -> None:
    for number in range(20):
        exif = Image.Exif()
        comment = SETTINGS.replace("4294967295", str(number))
        exif.get_ifd(IFD.Exif)[Base.UserComment] = b"UNICODE\0" + comment.encode("utf-16-be")
        Image.new("RGB", (16, 16)).save(tmp_path / "a.jpg", exif=exif)
        assert claimed(tmp_path / "a.jpg")[0][0].seed == number


def test_the_comment_of_a_gif(tmp_path: Path) -> None:
    Image.new("P", (16, 16)).save(tmp_path / "a.gif", comment=SETTINGS.encode())
    (claim,), _ = claimed(tmp_path / "a.gif")
    check_the_owl(claim)
    assert claim.others["found in"] == "comment"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the pictures of shared/data are not here")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("automatic1111_cropped", ("AUTOMATIC1111", "photo of a duck", 235284042, 15, 5, 512, 400)),
        ("text_after_idat", ("AUTOMATIC1111", "photo of a duck", 235284042, 15, 5, 512, 400)),
        (
            "fooocus1_cropped",
            ("Fooocus", "a smiling goldfish", 6952411511246973023, 30, 4, 768, 1280),
        ),
        (
            "img2img_cropped",
            ("ComfyUI", "photograph of victorian woman with", 280823642470253, 20, 8, None, None),
        ),
        (
            "invokeai_sdmeta1",
            ("InvokeAI", "professional full body photo", 2980747362, 50, 5, 512, 768),
        ),
    ],
)
def test_pictures_of_the_real_tools(name: str, expected: tuple[Any, ...], tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes((SHARED / f"{name}.png").read_bytes())
    (claim,), unread = claimed(tmp_path / "a.png")
    tool, prompt, *figures = expected
    assert claim.tool == tool
    assert claim.prompt is not None
    assert claim.prompt.startswith(prompt)
    assert [claim.seed, claim.steps, claim.guidance, claim.width, claim.height] == figures
    assert [each for each in unread if tool in each] == []
