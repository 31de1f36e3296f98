"""EXIF as text: readable, bounded, and never a reason to refuse a picture."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import IFDRational

from seedwitness.targets.exif import format_value, read_exif, read_user_comment
from seedwitness.targets.target_reader import read_target


def with_exif(exif: Image.Exif) -> Image.Image:
    out = BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", exif=exif)
    return Image.open(BytesIO(out.getvalue()))


def test_names_and_values_are_readable() -> None:
    exif = Image.Exif()
    exif[Base.Make] = "Camera & Sons"
    exif[Base.Artist] = "A" * 300
    exif[0xC0DE] = "of no name"
    exif.get_ifd(IFD.Exif)[Base.ExposureTime] = IFDRational(1, 4)
    exif.get_ifd(IFD.Exif)[Base.MakerNote] = b"\x00\xff\xfe" * 100
    exif.get_ifd(IFD.GPSInfo)[2] = (52.0, 31.0, 12.5)
    found, unread = read_exif(with_exif(exif))
    assert unread == []
    assert found["Make"] == "Camera & Sons"
    assert found["ExposureTime"] == "0.25"
    assert found["MakerNote"] == "300 bytes"
    assert found["GPSLatitude"] == "52.0, 31.0, 12.5"
    assert found["0xC0DE"] == "of no name"
    assert found["Artist"] == "A" * 200 + "… (300 characters)"
    assert not {"ExifOffset", "GPSInfo"} & set(found)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"ASCII\0\0\0plain\0", "plain"),
        (b"UNICODE\0" + "Steps: 20, Füße".encode("utf-16-be"), "Steps: 20, Füße"),
        (b"UNICODE\0" + "Steps: 20, Füße".encode("utf-16-le"), "Steps: 20, Füße"),
        (b"UNICODE\0" + "\ufeffSteps: 20".encode("utf-16-le"), "Steps: 20"),
        (b"JIS\0\0\0\0\0" + "梟".encode("iso2022_jp"), "梟"),
        (b"\0" * 8 + "größer".encode(), "größer"),
        (b"no code in front", "no code in front"),
        (b"ASCII\0\0\0\xff\xfe", None),
    ],
)
def test_user_comments_of_every_character_set(raw: bytes, expected: str | None) -> None:
    exif = Image.Exif()
    exif.get_ifd(IFD.Exif)[Base.UserComment] = raw
    image = with_exif(exif)
    assert read_user_comment(image) == expected
    shown = f"{len(raw)} bytes" if expected is None else expected
    assert read_exif(image)[0]["UserComment"] == shown


def test_long_lists_are_cut() -> None:
    assert format_value(tuple(range(1_000_000))).endswith("… (1,000,000 values)")
    assert len(format_value(tuple(range(1_000_000)))) < 300
    assert format_value((1, 2)) == "1, 2"


def test_half_of_a_surrogate_pair_is_replaced() -> None:
    assert format_value("a\ud800b") == "a\ufffdb"
    assert format_value("\ud83e\udd89") == "🦉"


def test_damaged_exif_is_reported_and_the_picture_is_read(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[Base.Make] = "Camera"
    whole = exif.tobytes()
    path = tmp_path / "a.png"
    seen = 0
    for k, damaged in enumerate((b"Exif\0\0garbage", whole[:12], whole[:20], whole[:-9])):
        picture = Image.new("RGB", (8, 8), (k, 0, 0))
        picture.save(path, exif=damaged)
        image, target = read_target(path, "x")
        assert image.tobytes() == picture.tobytes()
        assert target.exif.get("Make") != "Camera"
        seen += any("EXIF" in each or "Pillow warns" in each for each in target.unread)
    assert seen >= 2
