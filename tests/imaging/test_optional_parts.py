"""An optional part of a file, however broken, never makes whole pixels unreadable."""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from seedwitness.errors import PictureError
from seedwitness.imaging.decoding import decode_image, open_image
from seedwitness.imaging.file_parts import (
    PNG_SIGNATURE,
    TRAILER,
    identify_container,
    iter_parts,
    iter_without_optional_parts,
)
from seedwitness.targets.target_reader import hash_target_pixels, read_target

ART = Image.fromarray(np.random.default_rng(3).integers(0, 256, (24, 40, 3), np.uint8), "RGB")


def chunk(name: bytes, data: bytes, crc: int | None = None) -> bytes:
    checksum = zlib.crc32(name + data) if crc is None else crc
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)


def png(**options: object) -> bytes:
    buffer = BytesIO()
    ART.save(buffer, "PNG", **options)
    return buffer.getvalue()


def insert(data: bytes, part: bytes, *, last: bool = False) -> bytes:
    """A PNG with one more chunk after its header, or before its end."""
    position = len(data) - 12 if last else len(PNG_SIGNATURE) + 25
    return data[:position] + part + data[position:]


BIG = zlib.compress(b"x" * (3 << 20))
HUGE = zlib.compress(bytes(40 << 20))
PARTS = {
    "tEXt with a wrong checksum": chunk(b"tEXt", b"parameters\0a fox", crc=0),
    "zTXt of 3 MB": chunk(b"zTXt", b"workflow\0\0" + BIG),
    "zTXt of 40 MB": chunk(b"zTXt", b"workflow\0\0" + HUGE),
    "iTXt of 3 MB": chunk(b"iTXt", b"workflow\0\1\0\0\0" + BIG),
    "iTXt of 3 MB, not packed": chunk(b"iTXt", b"workflow\0\0\0\0\0" + b"x" * (3 << 20)),
    "zTXt of garbage": chunk(b"zTXt", b"workflow\0\0garbage"),
    "iTXt without fields": chunk(b"iTXt", b"workflow"),
    "iCCP with a wrong checksum": chunk(b"iCCP", b"x\0\0" + zlib.compress(b"x" * 200), crc=1),
    "iCCP of 3 MB": chunk(b"iCCP", b"x\0\0" + BIG),
    "eXIf with a wrong checksum": chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\0", crc=1),
    "pHYs of no length": chunk(b"pHYs", b""),
    "gAMA of no length": chunk(b"gAMA", b""),
    "cHRM of one byte": chunk(b"cHRM", b"x"),
    "unknown with a wrong checksum": chunk(b"abCd", b"secret", crc=1),
}


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("name", PARTS)
def test_a_broken_chunk_leaves_the_pixels_and_is_named(
    name: str, last: bool, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(insert(png(), PARTS[name], last=last))
    assert np.array_equal(decode_image(path), ART)
    image, record = read_target(path, "x")
    assert np.array_equal(image, ART)
    assert hash_target_pixels(path) == record.pixels_sha256
    if name.split()[0] not in ("pHYs", "gAMA", "cHRM"):  # they hold no metadata of the making
        kind = name.split()[0]
        key = {"tEXt": "parameters", "zTXt": "workflow", "iTXt": "workflow", "unknown": "abCd"}
        assert any(key.get(kind, kind) in text for text in record.unread + record.changes)


def test_sound_parts_are_kept_beside_a_broken_one(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    info = PngInfo()
    info.add_text("parameters", "a fox\nSteps: 5, Seed: 7")
    data = png(exif=exif.tobytes(), pnginfo=info)
    (tmp_path / "a.png").write_bytes(insert(data, PARTS["zTXt of 3 MB"]))
    image, record = read_target(tmp_path / "a.png", "x")
    assert np.array_equal(image, ART.transpose(Image.Transpose.ROTATE_180))
    assert np.array_equal(image, decode_image(tmp_path / "a.png"))
    assert [claim.seed for claim in record.claims] == [7]
    assert "decoded without these optional parts of the file: zTXt" in record.unread[0]


def jpeg(segment: bytes) -> bytes:
    buffer = BytesIO()
    ART.save(buffer, "JPEG", quality=90)
    data = buffer.getvalue()
    return data[:2] + segment + data[2:]


def segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


@pytest.mark.parametrize(
    "part",
    [
        segment(0xE2, b"MPF\0II*\0" + b"\xff" * 40),
        segment(0xE1, b"Exif\0\0MM\0*" + b"\xff" * 60),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<broken"),
        segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\xff\xff"),
        segment(0xE2, b"ICC_PROFILE\0\x01\x02garbage"),
        segment(0xEE, b"Adobe"),
    ],
)
def test_broken_segments_of_a_jpeg(part: bytes, tmp_path: Path) -> None:
    (tmp_path / "plain.jpg").write_bytes(jpeg(b""))
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(part))
    image = read_target(path, "x").image
    assert np.array_equal(image, decode_image(tmp_path / "plain.jpg"))
    assert np.array_equal(image, decode_image(path))


def test_broken_chunks_of_a_webp(tmp_path: Path) -> None:
    buffer = BytesIO()
    ART.save(buffer, "WEBP", lossless=True, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff", xmp=b"<broken")
    data = bytearray(buffer.getvalue())
    (tmp_path / "a.webp").write_bytes(data)
    image, record = read_target(tmp_path / "a.webp", "x")
    assert np.array_equal(image, ART)
    assert np.array_equal(decode_image(tmp_path / "a.webp"), ART)
    assert any(text.startswith("XMP: ") for text in record.unread)
    assert any(text.startswith("EXIF") for text in record.unread)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_parts_join_to_the_same_file_and_copies_have_the_same_pixels(
    suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{suffix}"
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    ART.save(
        path, exif=exif.tobytes(), xmp=b"<x/>", **({"lossless": True} if suffix == "webp" else {})
    )
    data = path.read_bytes()
    head = {"png": 8, "jpg": 2, "webp": 12}[suffix]
    assert b"".join(part.raw for part in iter_parts(data)) == data[head:]
    copies = list(iter_without_optional_parts(data))
    assert copies
    for copy, left_out in copies:
        assert left_out
        assert identify_container(copy) == identify_container(data)
        with Image.open(BytesIO(copy)) as image:
            assert np.array_equal(image.convert("RGB"), decode_image(path))
    (*_, trailer) = iter_parts(data + b"appended")
    assert (trailer.name, trailer.data) == (TRAILER, b"appended")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_cut_pixels_are_refused_and_never_repaired(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    ART.save(path, exif=exif.tobytes())
    data = path.read_bytes()
    if suffix == "webp":  # its metadata stand after the pixels
        data = data[: data.index(b"EXIF")]
    for end in (len(data) // 2, len(data) - 40):
        path.write_bytes(data[:end])
        with pytest.raises(PictureError, match="cannot be read as a picture"):
            decode_image(path)


def test_a_sound_file_is_opened_as_it_is(tmp_path: Path) -> None:
    ART.save(tmp_path / "a.png")
    with open_image(tmp_path / "a.png") as opened:
        assert (opened.left_out, opened.has_16_bits) == ([], False)
