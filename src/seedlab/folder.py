"""Pictures of any folder as RGB of one square size, whatever their modes and sizes."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from seedwitness.errors import PictureError
from seedwitness.imaging.decoding import WHITE, decode_image
from seedwitness.imaging.image_folder import METADATA

REMEDY = f"Put a whole picture in its place, or remove it together with its line in {METADATA}."


class Square(NamedTuple):
    """A picture of the folder as square RGB; ``plain`` where all of it has a single colour."""

    image: Image.Image
    plain: bool


def squares(folder: Path, names: Iterable[str], size: int, workers: int) -> list[Square]:
    """The named pictures as RGB of ``size`` pixels a side, in the order of the names."""

    def attempt(name: str) -> Square | PictureError:
        try:
            image = decode_image(folder / name, REMEDY)
            return Square(squared(image, size), image.getcolors(1) is not None)
        except PictureError as error:
            return error

    with ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(attempt, names))
    refused = [each for each in results if isinstance(each, PictureError)]
    if refused:
        more = f" {len(refused)} pictures cannot be used, this is the first." * (len(refused) > 1)
        raise PictureError(f"{refused[0]}{more}") from refused[0].__cause__
    return [each for each in results if isinstance(each, Square)]


def squared(image: Image.Image, size: int) -> Image.Image:
    """RGB image fitted into ``size`` pixels a side, padded with white.

    Pictures of at most half the size keep their pixels, each as a block of whole pixels (pixel art
    stays crisp); all others are resampled by Lanczos.
    """
    longest = max(image.size)
    if longest * 2 <= size:
        whole = size // longest
        fitted = image.resize((image.width * whole, image.height * whole), Image.Resampling.NEAREST)
    else:
        width, height = (max(1, round(side * size / longest)) for side in image.size)
        fitted = image.resize((width, height), Image.Resampling.LANCZOS)
    if fitted.size == (size, size):
        return fitted
    sheet = Image.new("RGB", (size, size), WHITE)
    sheet.paste(fitted, ((size - fitted.width) // 2, (size - fitted.height) // 2))
    return sheet
