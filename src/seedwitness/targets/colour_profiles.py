"""Convert colours from an embedded ICC profile to sRGB."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from seedwitness.targets.text_cleaning import describe_error, shorten_text

MAX_SRGB_DIFFERENCE = 2
"""Largest difference from sRGB, in levels of 255, at which a profile counts as sRGB."""

_GREY_MODES = ("1", "L", "LA", "La")
_PROFILE_ERRORS = (ImageCms.PyCMSError, OSError, ValueError, TypeError)


def convert_to_srgb(image: Image.Image, icc: bytes) -> tuple[Image.Image, str]:
    """Convert a picture of 8 bits a channel to sRGB, and describe in words what was done.

    LittleCMS converts by relative colorimetric intent with black point compensation. If the profile
    differs from sRGB by at most ``MAX_SRGB_DIFFERENCE`` levels, the pixels stay. If the profile is
    broken or belongs to another colour space, the picture is returned unchanged and the description
    says why. Transparency is preserved.
    """
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc))
        profile_name = (
            shorten_text(ImageCms.getProfileDescription(profile).strip(), 80) or "without a name"
        )
        profile_space = profile.profile.xcolor_space.strip()
    except _PROFILE_ERRORS as error:
        return image, f"colour profile of {len(icc):,} bytes not followed: {describe_error(error)}"
    label = f"colour profile “{profile_name}”"
    colour_space = (
        "GRAY" if image.mode in _GREY_MODES else "CMYK" if image.mode == "CMYK" else "RGB"
    )
    if profile_space != colour_space or image.mode == "LAB":
        return (
            image,
            f"{label} not followed: it is for {profile_space}, the picture is {image.mode}",
        )
    colours, alpha = _split_alpha(image, colour_space)
    try:
        if colour_space != "CMYK":
            difference = _measure_srgb_difference(profile, colours.mode)
            if difference <= MAX_SRGB_DIFFERENCE:
                return image, f"{label} left out: within {difference} of 255 levels of sRGB"
        converted = _apply_profile(colours, profile)
    except _PROFILE_ERRORS as error:
        return image, f"{label} not followed: {describe_error(error)}"
    if alpha is not None:
        converted.putalpha(alpha)
    return converted, (
        f"colours converted from the {label} to sRGB, relative colorimetric with the black point "
        "compensated"
    )


def _split_alpha(image: Image.Image, colour_space: str) -> tuple[Image.Image, Image.Image | None]:
    """Split a picture into colours in a mode that LittleCMS knows, and the alpha channel."""
    if colour_space == "CMYK":
        return image, None
    mode = "L" if colour_space == "GRAY" else "RGB"
    if not image.has_transparency_data:
        return image.convert(mode), None
    if image.mode == "La":
        image = image.convert("LA")
    with_alpha = image.convert("RGBA")
    colours = with_alpha.getchannel("R") if colour_space == "GRAY" else with_alpha.convert("RGB")
    return colours, with_alpha.getchannel("A")


def _apply_profile(colours: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    converted = ImageCms.profileToProfile(
        colours,
        profile,
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert converted is not None  # None only for an in-place conversion
    return converted


def _measure_srgb_difference(profile: ImageCms.ImageCmsProfile, mode: str) -> int:
    """Measure the largest change of a colour in levels: all greys, or 17 levels a channel."""
    if mode == "L":
        before = np.arange(256, dtype=np.uint8)[None, :]
    else:
        steps = np.linspace(0, 255, 17).round().astype(np.uint8)
        before = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    after = np.asarray(_apply_profile(Image.fromarray(before), profile), np.int16)
    return int(np.abs(after - (before[..., None] if mode == "L" else before)).max())
