"""Decode a picture file of any mode to upright 8-bit RGB, and hash its pixels."""

from __future__ import annotations

import shlex
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from PIL import Image

from seedwitness.errors import PictureError
from seedwitness.imaging.file_parts import FilePart, iter_without_optional_parts
from seedwitness.imaging.format_support import check_bytes_support, check_format_support
from seedwitness.imaging.orientation import turn_upright

T = TypeVar("T")

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


class OpenedImage(NamedTuple):
    """An opened picture, and the optional parts that were left out because it opens only without.

    ``image`` has its first frame loaded.
    """

    image: Image.Image
    left_out: list[FilePart]
    has_16_bits: bool
    """Whether the file declares 16 bits a channel; known before the pixels are loaded only."""


def decode_image(path: Path, remedy: str = "Replace it by an intact picture.") -> Image.Image:
    """Decode a picture file to upright 8-bit RGB: transparency over white, first frame only.

    Optional parts that stop Pillow, such as a text with a wrong checksum, are left out. Raises
    PictureError, whose text ends in ``remedy``, if the file is empty, truncated or not a picture.
    """
    with warnings.catch_warnings():
        # Of metadata; the stage ``prepare`` puts these warnings into a target's record.
        warnings.simplefilter("ignore", UserWarning)
        with open_image(path, remedy) as opened:
            return convert_to_upright_rgb(opened.image)


@contextmanager
def open_image(
    path: Path, remedy: str = "Replace it by an intact picture."
) -> Iterator[OpenedImage]:
    """Open a picture with Pillow and load its first frame, if need be without its optional parts.

    Every error that Pillow raises within the block becomes a PictureError. The plugins for HEIC and
    JPEG XL are used if they are installed; without them the error names the package.
    """
    with _translate_pillow_errors(path, remedy):
        if not path.is_file():
            raise PictureError(f"There is no picture {path}. {remedy}")
        if path.stat().st_size == 0:
            raise PictureError(f"{path} is empty: 0 bytes. {remedy}")
        check_format_support(path)
        opened = _open_parts(path)
        with opened.image:
            yield opened


def decode_image_bytes(
    data: bytes, name: str, remedy: str = "Replace it by an intact picture."
) -> Image.Image:
    """Decode the bytes of a picture file, as ``decode_image`` does; errors call it ``name``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with _translate_pillow_errors(Path(name), remedy):
            if not data:
                raise PictureError(f"{name} is empty: 0 bytes. {remedy}")
            check_bytes_support(data, name)
            with _open_parts(data).image as image:
                return convert_to_upright_rgb(image)


@contextmanager
def _translate_pillow_errors(path: Path, remedy: str) -> Iterator[None]:
    """Turn every error that Pillow raises within the block into a PictureError."""
    try:
        with warnings.catch_warnings():
            # Above some 90 million pixels Pillow warns, above twice as many it refuses.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
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


def _open_parts(source: Path | bytes) -> OpenedImage:
    """Open a file as it is, or else with ever fewer optional parts; the first error counts."""
    try:
        return _open_and_load(source if isinstance(source, Path) else BytesIO(source))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, PermissionError):
        raise
    except PILLOW_ERRORS as error:
        data = source.read_bytes() if isinstance(source, Path) else source
        for copy, left_out in iter_without_optional_parts(data):
            try:
                return _open_and_load(BytesIO(copy), left_out)
            except PILLOW_ERRORS:
                continue
        raise error


def _open_and_load(source: Path | BytesIO, left_out: Sequence[FilePart] = ()) -> OpenedImage:
    image = _translate_errors(lambda: Image.open(source))
    # Pillow knows this only before it loads the pixels.
    has_16_bits = any(";16" in str(tile) for tile in getattr(image, "tile", ()))
    try:
        _translate_errors(image.load)
    except BaseException:
        image.close()
        raise
    return OpenedImage(image, list(left_out), has_16_bits)


def _translate_errors(read: Callable[[], T]) -> T:
    try:
        return read()
    except PILLOW_ERRORS:
        raise
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        MemoryError,
        RuntimeError,
        TypeError,
        zlib.error,
    ) as error:
        # A forged file can make Pillow's decoders raise these too; in our own code they are bugs.
        raise ValueError(f"{type(error).__name__}: {error}") from error


def hash_pixels(image: Image.Image) -> str:
    """SHA-256 of the RGB pixels, row by row."""
    return sha256(image.convert("RGB").tobytes()).hexdigest()


def convert_to_upright_rgb(image: Image.Image) -> Image.Image:
    """Convert an opened picture to upright 8-bit RGB; the EXIF orientation is applied."""
    return composite_over_white(reduce_to_8_bits(turn_upright(image)))


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
