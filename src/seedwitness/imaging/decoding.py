"""A picture file, whatever its mode, as upright 8-bit RGB; and the hash of its pixels."""

from __future__ import annotations

import shlex
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from seedwitness.errors import PictureError

WHITE = (255, 255, 255)

# What Pillow raises for a picture that is cut off, forged or of no known format.
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


def decode_image(path: Path, remedy: str = "Put a whole picture in its place.") -> Image.Image:
    """A picture file as upright 8-bit RGB: transparency over white, the first frame of several.

    Raises PictureError, ending in ``remedy``, where the file is empty, cut off or no picture.
    """
    with open_image(path, remedy) as image:
        return upright_rgb(image)


@contextmanager
def open_image(
    path: Path, remedy: str = "Put a whole picture in its place."
) -> Iterator[Image.Image]:
    """A picture as Pillow reads it, its first frame loaded; what fails inside is a PictureError."""
    try:
        if not path.is_file():
            raise PictureError(f"There is no picture {path}. {remedy}")
        if path.stat().st_size == 0:
            raise PictureError(f"{path} is empty: 0 bytes. {remedy}")
        with warnings.catch_warnings():
            # Above some 90 million pixels Pillow warns, above twice as many it refuses.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                _load(image)
                yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError(
            f"{path} declares more than {Image.MAX_IMAGE_PIXELS:,} pixels, the most that is read: "
            "a small file of that kind can unpack to more than the memory holds. Scale the "
            "picture down to fewer pixels, or take it away."
        ) from error
    except PermissionError as error:
        raise PictureError(
            f"{path} may not be read: {error.strerror}. Make it readable for this user, for "
            f"instance by `chmod u+r {shlex.quote(str(path))}`."
        ) from error
    except UNREADABLE as error:
        raise PictureError(f"{path} cannot be read as a picture: {error}. {remedy}") from error


def _load(image: Image.Image) -> None:
    try:
        image.load()
    except UNREADABLE:
        raise
    except (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError) as error:
        # A forged file leads Pillow's decoders to these as well; in our own code they are defects.
        raise ValueError(f"{type(error).__name__}: {error}") from error


def pixel_hash(image: Image.Image) -> str:
    """SHA-256 of the RGB pixels, row by row."""
    return sha256(image.convert("RGB").tobytes()).hexdigest()


def upright_rgb(image: Image.Image) -> Image.Image:
    """An opened picture as upright 8-bit RGB; EXIF's orientation is followed."""
    return over_white(eight_bits(ImageOps.exif_transpose(image)))


def eight_bits(image: Image.Image) -> Image.Image:
    """Grey levels of 16 bits as the nearest of 8 (mode L, or LA where one level is transparent).

    Pictures of other modes come back as they are. Raises ValueError where the levels do not fit
    into 16 bits, or are floating-point numbers.
    """
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers of no known range")
    if not image.mode.startswith("I"):
        return image
    levels = np.asarray(image)
    grey = Image.fromarray(_nearest(levels), "L")
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        opaque = np.where(levels == clear, 0, 255).astype(np.uint8)
        grey = Image.merge("LA", (grey, Image.fromarray(opaque, "L")))
    # What else is known of it, such as its colour profile.
    grey.info = {key: value for key, value in image.info.items() if key != "transparency"}
    return grey


def over_white(image: Image.Image) -> Image.Image:
    """A picture of 8 bits a channel as RGB; what is transparent shows white."""
    if image.mode == "La":  # the one mode that Pillow converts by one way only
        image = image.convert("LA")
    if image.has_transparency_data:
        sheet = Image.new("RGBA", image.size, (*WHITE, 255))
        sheet.alpha_composite(image.convert("RGBA"))
        return sheet.convert("RGB")
    return image.convert("RGB")


def _nearest(levels: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Grey levels of 16 bits (Pillow also keeps them in 32) as the nearest of 8 bits."""
    if levels.min() < 0 or levels.max() > 0xFFFF:
        raise ValueError("its grey levels do not fit into 16 bits")
    return ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)
