"""Decode a picture file of any mode to upright 8-bit RGB, and hash its pixels."""

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

# What Pillow raises for a truncated or forged picture, or for an unknown format.
PILLOW_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


def decode_image(path: Path, remedy: str = "Replace it by an intact picture.") -> Image.Image:
    """Decode a picture file to upright 8-bit RGB: transparency over white, first frame only.

    Raises PictureError, whose text ends in ``remedy``, if the file is empty, truncated or not
    a picture.
    """
    with open_image(path, remedy) as image:
        return convert_to_upright_rgb(image)


@contextmanager
def open_image(
    path: Path, remedy: str = "Replace it by an intact picture."
) -> Iterator[Image.Image]:
    """Open a picture with Pillow and load its first frame.

    Every error that Pillow raises within the block becomes a PictureError.
    """
    try:
        if not path.is_file():
            raise PictureError(f"There is no picture {path}. {remedy}")
        if path.stat().st_size == 0:
            raise PictureError(f"{path} is empty: 0 bytes. {remedy}")
        with warnings.catch_warnings():
            # Above some 90 million pixels Pillow warns, above twice as many it refuses.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                _load_pixels(image)
                yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError(
            f"{path} declares more than {Image.MAX_IMAGE_PIXELS:,} pixels, which is the limit: "
            "a small file can unpack to more than the memory holds. Scale the picture down, or "
            "remove it."
        ) from error
    except PermissionError as error:
        raise PictureError(
            f"There is no permission to read {path}: {error.strerror}. Make the file readable for "
            f"this user, for instance by `chmod u+r {shlex.quote(str(path))}`."
        ) from error
    except PILLOW_ERRORS as error:
        raise PictureError(f"{path} cannot be read as a picture: {error}. {remedy}") from error


def _load_pixels(image: Image.Image) -> None:
    try:
        image.load()
    except PILLOW_ERRORS:
        raise
    except (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError) as error:
        # A forged file can make Pillow's decoders raise these too; in our own code they are bugs.
        raise ValueError(f"{type(error).__name__}: {error}") from error


def hash_pixels(image: Image.Image) -> str:
    """SHA-256 of the RGB pixels, row by row."""
    return sha256(image.convert("RGB").tobytes()).hexdigest()


def convert_to_upright_rgb(image: Image.Image) -> Image.Image:
    """Convert an opened picture to upright 8-bit RGB; the EXIF orientation is applied."""
    return composite_over_white(reduce_to_8_bits(ImageOps.exif_transpose(image)))


def reduce_to_8_bits(image: Image.Image) -> Image.Image:
    """Round 16-bit grey levels to 8 bits (mode L, or LA if one level is transparent).

    Pictures of other modes are returned unchanged. Raises ValueError if the levels do not fit into
    16 bits or are floating-point numbers.
    """
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers of no known range")
    if not image.mode.startswith("I"):
        return image
    levels = np.asarray(image)
    grey = Image.fromarray(_round_16_to_8_bits(levels), "L")
    transparent_level = image.info.get("transparency")
    if isinstance(transparent_level, int):
        opaque = np.where(levels == transparent_level, 0, 255).astype(np.uint8)
        grey = Image.merge("LA", (grey, Image.fromarray(opaque, "L")))
    # Keep the other entries, such as the colour profile.
    grey.info = {key: value for key, value in image.info.items() if key != "transparency"}
    return grey


def composite_over_white(image: Image.Image) -> Image.Image:
    """Convert a picture of 8 bits a channel to RGB, with transparent pixels over white."""
    if image.mode == "La":  # Pillow converts this mode to LA only
        image = image.convert("LA")
    if image.has_transparency_data:
        background = Image.new("RGBA", image.size, (*WHITE, 255))
        background.alpha_composite(image.convert("RGBA"))
        return background.convert("RGB")
    return image.convert("RGB")


def _round_16_to_8_bits(levels: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Round 16-bit grey levels (Pillow may store them in 32 bits) to the nearest 8-bit level."""
    if levels.min() < 0 or levels.max() > 0xFFFF:
        raise ValueError("its grey levels do not fit into 16 bits")
    return ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)
