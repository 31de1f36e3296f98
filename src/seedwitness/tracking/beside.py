"""Pictures for MLflow's pages: the target, the closest trials, and the reference's same recipes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from seedwitness.tracking.contents import DATA_FOLDER, ChildFiles

if TYPE_CHECKING:
    import pandas as pd

SIDE, GAP = 256, 8
"""Longest side of each image, and the space between two, in pixels."""


def draw_beside(case: ChildFiles, table: pd.DataFrame) -> Iterator[tuple[int, Image.Image]]:
    """Yield a strip for each trial whose image was kept, with the number of the trial.

    The target is on the left, then the image of the trial, then what the reference made of the same
    recipe, if there is one.
    """
    score = DATA_FOLDER / "score" / case.target / case.checkpoint
    target = DATA_FOLDER / "prepare" / case.target / "image.png"
    numbers = dict(zip(table["trial"], table.index, strict=True))
    for image in sorted((score / "images").glob("*.png"), key=lambda path: numbers[path.stem]):
        reference = score / "reference" / image.name
        parts = [target, image, *([reference] if reference.is_file() else [])]
        yield int(numbers[image.stem]), _join([_shrink(path) for path in parts])


def _shrink(path: Path) -> Image.Image:
    with Image.open(path) as image:
        shown = image.convert("RGB")
    shown.thumbnail((SIDE, SIDE))
    return shown


def _join(images: list[Image.Image]) -> Image.Image:
    width = sum(image.width for image in images) + GAP * (len(images) - 1)
    strip = Image.new("RGB", (width, max(image.height for image in images)), "white")
    left = 0
    for image in images:
        strip.paste(image, (left, 0))
        left += image.width + GAP
    return strip
