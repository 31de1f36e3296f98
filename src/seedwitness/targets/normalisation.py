"""An opened picture, whatever its mode, as upright RGB of 8 bits, with what was done in words."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from PIL import Image
from PIL.ExifTags import Base
from PIL.Image import Transpose

from seedwitness.imaging.decoding import eight_bits, over_white
from seedwitness.targets.colour_profiles import to_srgb
from seedwitness.targets.text_cleaning import why

# EXIF's orientation: what brings the picture upright.
ORIENTATIONS = {
    2: (Transpose.FLIP_LEFT_RIGHT, "mirrored left to right"),
    3: (Transpose.ROTATE_180, "turned upside down"),
    4: (Transpose.FLIP_TOP_BOTTOM, "mirrored top to bottom"),
    5: (Transpose.TRANSPOSE, "mirrored along the falling diagonal"),
    6: (Transpose.ROTATE_270, "turned a quarter clockwise"),
    7: (Transpose.TRANSVERSE, "mirrored along the rising diagonal"),
    8: (Transpose.ROTATE_90, "turned a quarter counter-clockwise"),
}
MODES = {
    "1": "black and white written as RGB",
    "CMYK": "CMYK written as RGB without a colour profile, red = (255 − cyan)(255 − black) / 255",
    "HSV": "HSV written as RGB",
    "L": "grey levels written as RGB",
    "LA": "grey levels written as RGB",
    "LAB": "CIELAB converted to sRGB",
    "La": "grey levels written as RGB",
    "P": "the palette's colours written as RGB",
    "PA": "the palette's colours written as RGB",
    "YCbCr": "YCbCr converted to RGB",
}
_PNG_GAMMA = 1 / 2.2


class Normal(NamedTuple):
    """Upright RGB pixels without anything beside them, and the way there."""

    image: Image.Image
    changes: list[str]
    unread: list[str]


def normal(image: Image.Image) -> Normal:
    """An opened picture as upright RGB of 8 bits in sRGB, transparency over white.

    Raises ValueError where pixels have no known range (floating point, integers above 16 bits).
    """
    changes: list[str] = []
    unread: list[str] = []
    mode, icc = image.mode, image.info.get("icc_profile")
    gamma = None if icc or "srgb" in image.info else image.info.get("gamma")
    adobe = "adobe" in image.info or image.format != "JPEG"

    image = _upright(image, changes, unread)
    if mode.startswith("I"):
        changes.append("grey levels of 16 bits rounded to the nearest of 8")
    image = eight_bits(image)
    if isinstance(icc, bytes) and icc:
        image, done = to_srgb(image, icc)
        changes.append(done)
    if image.mode in MODES:
        changes.append(MODES[image.mode])
    if mode == "CMYK" and not adobe:
        changes.append("its inks taken as inverted, as Adobe stores them: the JPEG does not say")
    if gamma is not None and abs(gamma - _PNG_GAMMA) > 0.01:
        changes.append(f"gamma of {gamma:.4g} that the file states not applied")
    if image.has_transparency_data:
        changes.append(_transparency(image))
    image = over_white(image)
    # A profile or a transparent colour would find its way into the PNG from here.
    image.info.clear()
    return Normal(image, changes, unread)


def kept_bits(path: Path) -> str:
    """Says so where Pillow keeps 8 bits of 16: grey it keeps whole, of colours the upper half.

    Told by what PNG and TIFF declare; JPEG 2000, AVIF and others do not let Pillow know.
    """
    # Known before the pixels are loaded, and only then.
    with Image.open(path) as image:
        grey = image.mode.startswith("I")
        deep = any(";16" in str(tile) for tile in getattr(image, "tile", ()))
    return "of the 16 bits of each channel the upper 8 kept" if deep and not grey else ""


def _upright(image: Image.Image, changes: list[str], unread: list[str]) -> Image.Image:
    try:
        orientation = image.getexif().get(Base.Orientation, 1)
    except Exception as error:  # a forged EXIF raises anything, and the pixels are still there
        unread.append(f"EXIF's orientation, so none was followed: {why(error)}")
        return image.copy()
    if orientation in ORIENTATIONS:
        how, words = ORIENTATIONS[orientation]
        changes.append(f"{words}, by EXIF's orientation {orientation}")
        return image.transpose(how)
    if orientation != 1:
        unread.append(f"EXIF's orientation {orientation!r}: there are 1 to 8")
    return image.copy()


def _transparency(image: Image.Image) -> str:
    if image.mode == "La":
        image = image.convert("LA")
    opaque = image.convert("RGBA").getchannel("A").histogram()[255]
    total = image.width * image.height
    if opaque == total:
        return "an alpha channel, opaque everywhere, left out"
    return f"transparency laid over white, in {total - opaque:,} of {total:,} pixels"
