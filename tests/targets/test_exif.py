"""EXIF as text: readable, bounded, and never a reason to refuse a picture."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import IFDRational

from seedwitness.targets.containers.charsets import decode_user_comment
from seedwitness.targets.exif import format_value, read_exif
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
    reading = read_exif(with_exif(exif).getexif())
    found = reading.values
    assert reading.unread == []
    assert found["Make"] == "Camera & Sons"
    assert found["ExposureTime"] == "0.25"
    assert found["MakerNote"] == "300 bytes"
    assert found["GPSLatitude"] == "52.0, 31.0, 12.5"
    assert found["0xC0DE"] == "of no name"
    assert found["Artist"] == "A" * 200 + "… (300 characters)"
    assert not {"ExifOffset", "GPSInfo"} & set(found)


@pytest.mark.parametrize(
    ("raw", "expected", "encoding"),
    [
        (b"ASCII\0\0\0plain\0", "plain", ""),
        (b"UNICODE\0" + "Steps: 20, Füße".encode("utf-16-be"), "Steps: 20, Füße", ""),
        (b"UNICODE\0" + "Steps: 20, Füße".encode("utf-16-le"), "Steps: 20, Füße", ""),
        (b"UNICODE\0" + "\ufeffSteps: 20".encode("utf-16-le"), "Steps: 20", ""),
        (b"UNICODE\0" + "狐と雪の森".encode("utf-16-be"), "狐と雪の森", ""),
        (b"JIS\0\0\0\0\0" + "梟".encode("iso2022_jp"), "梟", ""),
        (b"\0" * 8 + "größer".encode(), "größer", ""),
        (b"no code in front", "no code in front", ""),
        # What is declared is not what is there.
        (b"ASCII\0\0\0" + "schöner 狐".encode(), "schöner 狐", "UTF-8, though declared as ASCII"),
        (b"UNICODE\0a fox, Steps: 20", "a fox, Steps: 20", "UTF-8, though declared as Unicode"),
        (
            b"UNICODE\0" + "schöner 狐🦊".encode(),
            "schöner 狐🦊",
            "UTF-8, though declared as Unicode",
        ),
        (b"ASCII\0\0\0" + "a fox".encode("utf-16-le"), "a fox", "UTF-16, though declared as ASCII"),
        (b"ASCII\0\0\0sch\xf6n", "schön", "Latin-1, though declared as ASCII"),
        (
            b"UNICODE\0" + "🦊 Steps: 20".encode("utf-16-le") + b"\x41",
            "🦊 Steps: 20",
            "UTF-16 with an odd byte at its end, which was dropped",
        ),
        (b"ASCII\0\0\0\xff\xfe", None, None),
        (b"ASCII\0\0\0\x01\x02\x03\x80\x81\x82", None, None),
    ],
)
@pytest.mark.parametrize("directory", [None, IFD.Exif])
def test_user_comments_of_every_character_set_in_any_directory(
    directory: IFD | None, raw: bytes, expected: str | None, encoding: str | None
) -> None:
    exif = Image.Exif()
    (exif if directory is None else exif.get_ifd(directory))[Base.UserComment] = raw
    reading = read_exif(with_exif(exif).getexif())
    decoded = decode_user_comment(raw)
    if expected is None:
        assert decoded is None
        assert reading.values["UserComment"] == f"{len(raw)} bytes"
        assert [text[:16] for text in reading.unread] == ["EXIF UserComment"]
    else:
        assert (decoded.text, decoded.encoding) == (expected, encoding)
        assert reading.values["UserComment"] == expected
        assert reading.texts["UserComment"] == decoded
        assert reading.unread == []


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
