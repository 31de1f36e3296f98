"""Load the pictures of a folder as square RGB images of one size."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from seedwitness.errors import PictureError
from seedwitness.imaging.decoding import WHITE, decode_image
from seedwitness.imaging.image_folder import METADATA_FILE

REMEDY = f"Replace it by an intact picture, or remove it together with its line in {METADATA_FILE}."


class SquareImage(NamedTuple):
    """A picture of the folder as square RGB; ``is_plain`` where all pixels have one colour."""

    image: Image.Image
    is_plain: bool


def load_square_images(
    folder: Path, names: Iterable[str], size: int, workers: int
) -> list[SquareImage]:
    """The named pictures as RGB of ``size`` pixels a side, in the order of ``names``.

    Raises PictureError with the first picture that cannot be used and the number of all of them.
    """

    def attempt(name: str) -> SquareImage | PictureError:
        try:
            image = decode_image(folder / name, REMEDY)
            return SquareImage(fit_to_square(image, size), image.getcolors(1) is not None)
        except PictureError as error:
            return error

    with ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(attempt, names))
    errors = [result for result in results if isinstance(result, PictureError)]
    if errors:
        count = f" {len(errors)} pictures cannot be used; this is the first." * (len(errors) > 1)
        raise PictureError(f"{errors[0]}{count}") from errors[0].__cause__
    return [result for result in results if isinstance(result, SquareImage)]


def fit_to_square(image: Image.Image, size: int) -> Image.Image:
    """The RGB image scaled to fit into ``size`` pixels a side, and padded with white.

    A picture of at most half the size is enlarged by a whole factor without interpolation, which
    keeps pixel art sharp. All others are resampled with a Lanczos filter.
    """
    longest = max(image.size)
    if longest * 2 <= size:
        factor = size // longest
        scaled = image.resize(
            (image.width * factor, image.height * factor), Image.Resampling.NEAREST
        )
    else:
        width, height = (max(1, round(side * size / longest)) for side in image.size)
        scaled = image.resize((width, height), Image.Resampling.LANCZOS)
    if scaled.size == (size, size):
        return scaled
    square = Image.new("RGB", (size, size), WHITE)
    square.paste(scaled, ((size - scaled.width) // 2, (size - scaled.height) // 2))
    return square
