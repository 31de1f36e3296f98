"""Colours by an embedded ICC profile, as sRGB."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from seedwitness.targets.text_cleaning import shortened, why

SAME = 2
"""Levels of 255 by which a profile may differ from sRGB and still be called the same."""

_GREY = ("1", "L", "LA", "La")
_REFUSED = (ImageCms.PyCMSError, OSError, ValueError, TypeError)


def to_srgb(image: Image.Image, icc: bytes) -> tuple[Image.Image, str]:
    """A picture of 8 bits a channel with the colours of sRGB, and in words what was done.

    The transformation is LittleCMS's, relative colorimetric with the black point compensated. A
    picture whose profile differs from sRGB by at most ``SAME`` levels keeps its pixels. Where the
    profile is broken, or is one for another kind of picture, the picture comes back as it is and
    the words say why. Transparency stays.
    """
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc))
        name = shortened(ImageCms.getProfileDescription(profile).strip(), 80) or "without a name"
        space = profile.profile.xcolor_space.strip()
    except _REFUSED as error:
        return image, f"colour profile of {len(icc):,} bytes not followed: {why(error)}"
    named = f"colour profile “{name}”"
    kind = "GRAY" if image.mode in _GREY else "CMYK" if image.mode == "CMYK" else "RGB"
    if space != kind or image.mode == "LAB":
        return image, f"{named} not followed: it is for {space}, the picture is {image.mode}"
    plain, alpha = _apart(image, kind)
    try:
        if kind != "CMYK":
            worst = _difference(profile, plain.mode)
            if worst <= SAME:
                return image, f"{named} left out: within {worst} of 255 levels of sRGB"
        converted = _converted(plain, profile)
    except _REFUSED as error:
        return image, f"{named} not followed: {why(error)}"
    if alpha is not None:
        converted.putalpha(alpha)
    return converted, (
        f"colours converted from the {named} to sRGB, relative colorimetric with the black point "
        "compensated"
    )


def _apart(image: Image.Image, kind: str) -> tuple[Image.Image, Image.Image | None]:
    """The colours in a mode that LittleCMS knows, and the transparency."""
    if kind == "CMYK":
        return image, None
    plain = "L" if kind == "GRAY" else "RGB"
    if not image.has_transparency_data:
        return image.convert(plain), None
    if image.mode == "La":
        image = image.convert("LA")
    with_alpha = image.convert("RGBA")
    colours = with_alpha.getchannel("R") if kind == "GRAY" else with_alpha.convert("RGB")
    return colours, with_alpha.getchannel("A")


def _converted(plain: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    converted = ImageCms.profileToProfile(
        plain,
        profile,
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert converted is not None  # it is, unless the conversion is asked for in place
    return converted


def _difference(profile: ImageCms.ImageCmsProfile, mode: str) -> int:
    """The most levels by which the profile moves a colour: all greys, or 17 levels a channel."""
    if mode == "L":
        before = np.arange(256, dtype=np.uint8)[None, :]
    else:
        steps = np.linspace(0, 255, 17).round().astype(np.uint8)
        before = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    after = np.asarray(_converted(Image.fromarray(before), profile), np.int16)
    return int(np.abs(after - (before[..., None] if mode == "L" else before)).max())
