"""Convert an opened picture of any mode to upright 8-bit RGB, and describe each change."""

from __future__ import annotations

from typing import NamedTuple

from PIL import Image

from seedwitness.imaging.decoding import composite_over_white, reduce_to_8_bits
from seedwitness.imaging.orientation import EXIF_ORIENTATIONS, read_orientation
from seedwitness.targets.colour_profiles import convert_to_srgb
from seedwitness.targets.text_cleaning import describe_error

MODE_CHANGES = {
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


class NormalisedImage(NamedTuple):
    """Upright RGB pixels without metadata, the changes made, and what could not be read."""

    image: Image.Image
    changes: list[str]
    unread: list[str]


def normalise_image(image: Image.Image) -> NormalisedImage:
    """Convert an opened picture to upright 8-bit sRGB, with transparency over white.

    Raises ValueError if the pixels have no known range (floating point, integers above 16 bits).
    """
    changes: list[str] = []
    unread: list[str] = []
    mode, icc = image.mode, image.info.get("icc_profile")
    gamma = None if icc or "srgb" in image.info else image.info.get("gamma")
    has_known_inks = "adobe" in image.info or image.format != "JPEG"

    image = _apply_orientation(image, changes, unread)
    if mode.startswith("I"):
        changes.append("grey levels of 16 bits rounded to the nearest of 8")
    image = reduce_to_8_bits(image)
    if isinstance(icc, bytes) and icc:
        image, change = convert_to_srgb(image, icc)
        changes.append(change)
    if image.mode in MODE_CHANGES:
        changes.append(MODE_CHANGES[image.mode])
    if mode == "CMYK" and not has_known_inks:
        changes.append("its inks taken as inverted, as Adobe stores them: the JPEG does not say")
    if gamma is not None and abs(gamma - _PNG_GAMMA) > 0.01:
        changes.append(f"gamma of {gamma:.4g} that the file states not applied")
    if image.has_transparency_data:
        changes.append(_describe_transparency(image))
    image = composite_over_white(image)
    # Otherwise Pillow would write the profile or the transparent colour into the PNG.
    image.info.clear()
    return NormalisedImage(image, changes, unread)


def describe_bit_loss(source_mode: str, *, has_16_bits: bool) -> str:
    """Describe the loss if Pillow keeps 8 of 16 bits: it does so for colours, not for grey levels.

    Detected from what PNG and TIFF declare; for JPEG 2000, AVIF and others Pillow cannot tell.
    Empty if no loss is known.
    """
    is_grey = source_mode.startswith("I")
    return "of the 16 bits of each channel the upper 8 kept" if has_16_bits and not is_grey else ""


def _apply_orientation(image: Image.Image, changes: list[str], unread: list[str]) -> Image.Image:
    try:
        orientation = read_orientation(image)
    except Exception as error:  # forged EXIF may raise anything; the pixels are intact
        unread.append(f"EXIF's orientation, so none was followed: {describe_error(error)}")
        return image.copy()
    if isinstance(orientation, int) and orientation in EXIF_ORIENTATIONS:
        transposition, description = EXIF_ORIENTATIONS[orientation]
        changes.append(f"{description}, by EXIF's orientation {orientation}")
        return image.transpose(transposition)
    if orientation != 1:
        unread.append(f"EXIF's orientation {orientation!r}: there are 1 to 8")
    return image.copy()


def _describe_transparency(image: Image.Image) -> str:
    if image.mode == "La":
        image = image.convert("LA")
    opaque_count = image.convert("RGBA").getchannel("A").histogram()[255]
    pixel_count = image.width * image.height
    if opaque_count == pixel_count:
        return "an alpha channel, opaque everywhere, left out"
    return (
        f"transparency laid over white, in {pixel_count - opaque_count:,} of {pixel_count:,} pixels"
    )
