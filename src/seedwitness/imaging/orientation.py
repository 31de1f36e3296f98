"""Turn a picture upright as its EXIF orientation says."""

from __future__ import annotations

from PIL import Image
from PIL.ExifTags import Base
from PIL.Image import Transpose

# EXIF's orientation: the transposition that turns the picture upright, and its description.
EXIF_ORIENTATIONS = {
    2: (Transpose.FLIP_LEFT_RIGHT, "mirrored left to right"),
    3: (Transpose.ROTATE_180, "turned upside down"),
    4: (Transpose.FLIP_TOP_BOTTOM, "mirrored top to bottom"),
    5: (Transpose.TRANSPOSE, "mirrored along the falling diagonal"),
    6: (Transpose.ROTATE_270, "turned a quarter clockwise"),
    7: (Transpose.TRANSVERSE, "mirrored along the rising diagonal"),
    8: (Transpose.ROTATE_90, "turned a quarter counter-clockwise"),
}


def read_orientation(image: Image.Image) -> object:
    """The orientation of a picture's EXIF as it stands there; 1, upright, if there is none.

    Forged EXIF may raise any exception.
    """
    return image.getexif().get(Base.Orientation, 1)


def turn_upright(image: Image.Image) -> Image.Image:
    """Turn an opened picture upright; an orientation that cannot be read is not followed.

    The stage ``prepare`` names such an orientation in the target's record.
    """
    try:
        orientation = read_orientation(image)
    except Exception:  # forged EXIF may raise anything; the pixels are intact
        return image
    if not isinstance(orientation, int) or orientation not in EXIF_ORIENTATIONS:
        return image
    return image.transpose(EXIF_ORIENTATIONS[orientation][0])
