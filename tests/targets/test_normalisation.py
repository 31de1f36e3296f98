"""Any picture becomes upright RGB, and every change is described."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from seedwitness.errors import PictureError
from seedwitness.imaging.decoding import decode_image
from seedwitness.imaging.orientation import EXIF_ORIENTATIONS
from seedwitness.targets.target_reader import hash_target_pixels, read_target

RED_THEN_CLEAR = [[[255, 0, 0], [255, 255, 255]]]


def reading(path: Path) -> tuple[Any, list[str], list[str]]:
    image, target = read_target(path, "x")
    assert image.mode == "RGB"
    assert image.info == {}
    assert hash_target_pixels(path) == target.pixels_sha256
    assert (target.width, target.height) == image.size
    return np.asarray(image), target.changes, target.unread


def test_rgb_is_unchanged(art: Image.Image, tmp_path: Path) -> None:
    art.save(tmp_path / "a.png")
    image, target = read_target(tmp_path / "a.png", "owl")
    assert image.tobytes() == art.tobytes()
    assert (target.changes, target.unread, target.exif, target.claims) == ([], [], {}, [])
    assert (target.format, target.mode, target.frames) == ("PNG", "RGB", 1)
    assert (target.name, target.file_name) == ("owl", "a.png")
    assert target.file_bytes == (tmp_path / "a.png").stat().st_size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations_are_applied(orientation: int, art: Image.Image, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.png"
    art.save(path, exif=exif)
    found, changes, unread = reading(path)
    assert np.array_equal(found, np.asarray(decode_image(path)))
    with Image.open(path) as opened:
        assert np.array_equal(found, np.asarray(ImageOps.exif_transpose(opened)))  # Pillow's way
    assert unread == []
    if orientation == 1:
        assert changes == []
    else:
        assert changes == [
            f"{EXIF_ORIENTATIONS[orientation][1]}, by EXIF's orientation {orientation}"
        ]


def test_orientation_6_is_a_quarter_turn_clockwise(art: Image.Image, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    art.save(tmp_path / "a.png", exif=exif)
    found, changes, _ = reading(tmp_path / "a.png")
    before = np.asarray(art)
    assert found.shape == (40, 24, 3)
    assert (found[0, -1] == before[0, 0]).all()  # the left top corner has come to the right
    assert changes[0].startswith("turned a quarter clockwise")


def test_an_invalid_orientation_is_reported(art: Image.Image, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 9
    art.save(tmp_path / "a.jpg", exif=exif)
    assert reading(tmp_path / "a.jpg")[2] == ["EXIF's orientation 9: there are 1 to 8"]


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    clear = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    clear.putpixel((1, 0), (9, 9, 9, 0))
    clear.save(path)
    said = "transparency laid over white, in 1 of 2 pixels"
    assert _both(path) == (RED_THEN_CLEAR, [said])
    clear.putpixel((1, 0), (9, 9, 9, 255))
    clear.save(path)
    assert _both(path)[1] == ["an alpha channel, opaque everywhere, left out"]

    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 9, 9, 9])
    palette.putpixel((1, 0), 1)
    palette.save(path, transparency=1)
    assert _both(path) == (RED_THEN_CLEAR, ["the palette's colours written as RGB", said])

    two = Image.new("RGB", (2, 1), (255, 0, 0))
    two.putpixel((1, 0), (9, 9, 9))
    two.save(path, transparency=(9, 9, 9))
    assert _both(path) == (RED_THEN_CLEAR, [said])

    half = Image.new("LA", (1, 1), (0, 128))
    half.save(path)
    assert _both(path)[0] == [[[127, 127, 127]]]


def _both(path: Path) -> tuple[Any, list[str]]:
    found, changes, unread = reading(path)
    assert unread == []
    return found.tolist(), changes


def test_sixteen_bits_and_one(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    deep = Image.fromarray(np.array([[0, 257 * 200 + 100, 65535]], np.uint16))
    deep.save(path)
    levels, changes = _both(path)
    assert [pixel[0] for pixel in levels[0]] == [0, 200, 255]
    assert "grey levels of 16 bits rounded to the nearest of 8" in changes
    deep.save(path, transparency=65535)
    levels, changes = _both(path)
    assert levels[0][2] == [255, 255, 255]
    assert "transparency laid over white, in 1 of 3 pixels" in changes
    Image.fromarray(np.array([[0, 40000]], np.uint16)).save(tmp_path / "a.tiff")
    assert _both(tmp_path / "a.tiff")[0] == [[[0] * 3, [156] * 3]]
    Image.new("1", (1, 1), 1).save(path)
    assert _both(path) == ([[[255, 255, 255]]], ["black and white written as RGB"])


def test_colours_of_16_bits_are_cut_and_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(_png16([[0x12FF, 0x8000, 0xFFFF]]))
    assert _both(path) == (
        [[[0x12, 0x80, 0xFF]]],
        ["of the 16 bits of each channel the upper 8 kept"],
    )


def _png16(pixels: list[list[int]]) -> bytes:
    """Write a PNG of one row with 16 bits a channel, which Pillow cannot write."""
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + check

    size = len(pixels).to_bytes(4, "big") + (1).to_bytes(4, "big")
    row = b"\0" + np.array(pixels, ">u2").tobytes()
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            chunk(b"IHDR", size + bytes([16, 2, 0, 0, 0])),
            chunk(b"IDAT", zlib.compress(row)),
            chunk(b"IEND", b""),
        )
    )


def test_cmyk_with_and_without_adobes_marker(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("CMYK", (8, 8), (200, 0, 0, 50)).save(path, quality=100)
    found, changes, _ = reading(path)
    # (255 − 200)(255 − 50) / 255 and 255 − 50
    assert np.abs(found[0, 0].astype(int) - [44, 205, 205]).max() <= 3
    assert len(changes) == 1
    assert changes[0].startswith("CMYK written as RGB without a colour profile, red =")
    data = path.read_bytes()
    start = data.index(b"\xff\xee")
    length = int.from_bytes(data[start + 2 : start + 4], "big")
    path.write_bytes(data[:start] + data[start + 2 + length :])
    unmarked, changes, _ = reading(path)
    assert np.array_equal(unmarked, found)
    assert changes[1] == "its inks taken as inverted, as Adobe stores them: the JPEG does not say"


@pytest.mark.parametrize(("mode", "suffix"), [("LAB", "tiff"), ("YCbCr", "tiff"), ("LA", "webp")])
def test_other_modes_are_read(mode: str, suffix: str, art: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    if mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        picture = ImageCms.profileToProfile(
            art, ImageCms.createProfile("sRGB"), lab, outputMode="LAB"
        )
        assert picture is not None
        picture.save(path)
    else:
        art.convert(mode).save(path, **({"lossless": True} if suffix == "webp" else {}))
    found, _, unread = reading(path)
    expected = art.convert("L").convert("RGB") if mode == "LA" else art
    # CIELAB in 8 bits is coarse: 19 levels for the worst colour, 1.2 for the mean one.
    assert np.abs(found.astype(int) - np.asarray(expected)).mean() < 2
    assert unread == []


def test_floating_point_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hdr.tiff"
    Image.fromarray(np.ones((8, 8), np.float32)).save(path)
    with pytest.raises(PictureError, match=r"hdr\.tiff cannot be read.*no known range"):
        read_target(path, "x")


def test_the_first_frame_of_an_animation(art: Image.Image, tmp_path: Path) -> None:
    other = Image.new("RGB", art.size, "navy")
    for suffix, options in (("png", {}), ("webp", {"lossless": True}), ("tiff", {})):
        path = tmp_path / f"a.{suffix}"
        art.save(path, save_all=True, append_images=[other, art], **options)
        found, changes, unread = reading(path)
        assert np.array_equal(found, np.asarray(art)), suffix
        assert changes[0] == "the first of 3 frames taken"
        assert unread == []
        assert read_target(path, "x").record.frames == 3
    art.quantize(16).save(tmp_path / "a.gif", save_all=True, append_images=[other.quantize(4)])
    assert reading(tmp_path / "a.gif")[1][0] == "the first of 2 frames taken"


def test_a_truncated_later_frame_is_ignored(art: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    art.save(path, save_all=True, append_images=[art.rotate(180), art.rotate(90)])
    whole = path.read_bytes()
    # The second page lies where the first one's directory ends: a pointer into nowhere.
    for cut in range(len(whole) // 3 + 300, len(whole), len(whole) // 40):
        path.write_bytes(whole[:cut])
        found, _, _ = reading(path)
        assert np.array_equal(found, np.asarray(art))
        assert read_target(path, "x").record.frames <= 3


def wide_gamut() -> bytes:
    """Make a matrix profile: sRGB with red and green exchanged, so that its effect is visible."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red], profile[green] = profile[green], profile[red]
    return bytes(profile)


def test_a_profile_is_converted_to_srgb(art: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    art.save(path, icc_profile=wide_gamut())
    found, changes, _ = reading(path)
    exchanged = np.asarray(art)[..., [1, 0, 2]].astype(int)
    assert np.abs(found - exchanged).max() <= 2
    assert len(changes) == 1
    assert changes[0].startswith("colours converted from the colour profile “")
    assert changes[0].endswith("to sRGB, relative colorimetric with the black point compensated")
    # Over white afterwards, and the same colours.
    clear = art.convert("RGBA")
    clear.putpixel((0, 0), (1, 2, 3, 0))
    clear.save(path, icc_profile=wide_gamut())
    through, changes, _ = reading(path)
    assert (through[0, 0] == 255).all()
    assert np.array_equal(through[1:], found[1:])
    assert changes[-1] == "transparency laid over white, in 1 of 960 pixels"


def test_srgb_itself_keeps_its_pixels(art: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    art.save(path, icc_profile=icc)
    found, changes, _ = reading(path)
    assert np.array_equal(found, np.asarray(art))
    assert "left out: within 0 of 255 levels of sRGB" in changes[0]


def test_an_unusable_profile_is_reported(art: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    art.convert("L").save(path, icc_profile=icc)
    found, changes, _ = reading(path)
    assert np.array_equal(found[..., 0], np.asarray(art.convert("L")))
    assert "not followed: it is for RGB, the picture is L" in changes[0]
    art.save(path, icc_profile=b"no profile at all")
    found, changes, _ = reading(path)
    assert np.array_equal(found, np.asarray(art))
    assert changes[0].startswith("colour profile of 17 bytes not followed: ")
    art.save(path, icc_profile=icc[:200])
    assert "not followed" in reading(path)[1][0]


def test_a_stated_gamma_is_reported(art: Image.Image, tmp_path: Path) -> None:
    import zlib

    path = tmp_path / "a.png"
    art.save(path)
    data = path.read_bytes()
    body = b"gAMA" + (100_000).to_bytes(4, "big")
    chunk = (4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    path.write_bytes(data[:33] + chunk + data[33:])
    assert reading(path)[1] == ["gamma of 1 that the file states not applied"]


def test_the_lab_reads_the_same_pixels(art: Image.Image, tmp_path: Path) -> None:
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        path = tmp_path / "a.png"
        art.convert("L").convert(mode).save(path) if mode == "I;16" else art.convert(mode).save(
            path
        )
        assert np.array_equal(reading(path)[0], np.asarray(decode_image(path))), mode
