"""The bytes of a picture are decoded as its file is, and errors name what they belong to."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seedwitness.errors import PictureError
from seedwitness.imaging.decoding import decode_image, decode_image_bytes, hash_pixels


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "AVIF"])
def test_bytes_give_the_pixels_of_their_file(tmp_path: Path, kind: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
    path = tmp_path / f"picture.{kind.lower()}"
    Image.fromarray(pixels).save(path, kind)
    decoded = decode_image_bytes(path.read_bytes(), "a.tar/picture")
    assert hash_pixels(decoded) == hash_pixels(decode_image(path))


def test_optional_parts_are_left_out_of_bytes_too() -> None:
    buffer = BytesIO()
    Image.new("RGB", (8, 8), (9, 8, 7)).save(buffer, "PNG")
    data = buffer.getvalue()
    chunk = (12).to_bytes(4, "big") + b"tEXta broken one" + b"\0\0\0\0"  # its checksum is wrong
    assert decode_image_bytes(data[:33] + chunk + data[33:], "x").getpixel((0, 0)) == (9, 8, 7)


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "is empty"), (b"no picture", "cannot be read as a picture"), (b"\x89PNG\r\n\x1a\n", "")],
)
def test_what_is_no_picture_is_named(data: bytes, message: str) -> None:
    with pytest.raises(PictureError, match=rf"a\.tar/0\.png.*{message}.*Mend it"):
        decode_image_bytes(data, "a.tar/0.png", "Mend it.")
