"""Finds images that are crops or mirror images of another, which fingerprints do not recognise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from seedwitness.records.exposure import Overlap

SIDE = 96
"""Side in pixels at which a whole image is searched for a crop."""

TEMPLATE = 12
"""Side in pixels to which a crop is reduced for the comparison."""

SHARES = (1.0, 0.92, 0.84, 0.76, 0.68, 0.6, 0.52)
"""Sides of crops that are tried, as shares of the whole image; smaller crops are not found."""

STEP = 1 / 24
"""Distance of the places that are tried at first, as a share of the side."""

PROMISING = 0.8
"""Correlation at a place of the grid from which on its neighbourhood is searched more finely."""

MIN_CORRELATION = 0.95
"""Correlation from which on one image is a part of the other. Of 70 drawn images of the lab, no two
different ones were above 0.91, mirrored or not, and none of 240 crops of them was below 0.98."""

Vector = NDArray[np.float64]
Box = tuple[float, float, float]
"""Left, top and side of a crop, as shares of the whole image."""


@dataclass(frozen=True)
class _Searchable:
    """An image, its vector, and the vectors of its crops at the places of the grid."""

    small: Image.Image
    vector: Vector
    crops: NDArray[np.float64]

    def find_correlation(self, vector: Vector) -> float:
        """The highest correlation of a crop with ``vector``."""
        values = self.crops @ vector
        place = int(values.argmax())
        if values[place] < PROMISING:
            return float(values[place])
        return _search_finely(self.small, vector, GRID[place], float(values[place]))


class OverlapIndex:
    """Images that are compared with one image at a time."""

    def __init__(self) -> None:
        self._images: dict[str, _Searchable] = {}

    def add(self, name: str, image: Image.Image) -> None:
        """Add an image under a name of its own."""
        self._images[name] = _prepare(image)

    def find(self, target: Image.Image) -> list[Overlap]:
        """The images that overlap ``target``, as ``find_overlaps`` says."""
        plain, mirrored = _prepare(target), _prepare(ImageOps.mirror(target))
        overlaps = []
        for name, image in self._images.items():
            for kind, correlation in _correlate(plain, mirrored, image):
                if correlation >= MIN_CORRELATION:
                    overlaps.append(
                        Overlap.model_validate(
                            {"control": name, "kind": kind, "correlation": round(correlation, 4)}
                        )
                    )
                    break
        return overlaps


def find_overlaps(target: Image.Image, controls: Mapping[str, Image.Image]) -> list[Overlap]:
    """The controls that show the target, or a crop or mirror image of it, or that it is a crop of.

    Images are compared by the correlation of their pixels, as they are and mirrored, at places and
    scales of a grid, and between its places where a correlation is promising. A crop of less than
    half of the side, a turned or a recoloured image is not recognised.
    """
    index = OverlapIndex()
    for name, image in controls.items():
        index.add(name, image)
    return index.find(target)


def _correlate(
    plain: _Searchable, mirrored: _Searchable, control: _Searchable
) -> Iterator[tuple[str, float]]:
    yield "same", float(plain.vector @ control.vector)
    yield "mirrored", float(mirrored.vector @ control.vector)
    for kind, target in (("crop", plain), ("mirrored crop", mirrored)):
        yield kind, control.find_correlation(target.vector)
        yield kind, target.find_correlation(control.vector)


def _prepare(image: Image.Image) -> _Searchable:
    small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    crops = _normalise(np.stack([_cut(small, box) for box in GRID]))
    return _Searchable(small, crops[0], crops)


def _list_places() -> list[Box]:
    """The places and sides of the grid, that of the whole image first."""
    boxes = []
    for share in SHARES:
        places = np.arange(0, 1 - share + 1e-6, STEP)
        boxes += [(float(x), float(y), share) for y in places for x in places]
    return boxes


GRID = _list_places()


def _search_finely(small: Image.Image, vector: Vector, box: Box, value: float) -> float:
    """The highest correlation that is reached from a place by ever smaller steps."""
    for step in (STEP / 2, STEP / 4, STEP / 8):
        improved = True
        while improved:
            improved = False
            for moves in product((-step, 0.0, step), repeat=3):
                x, y, side = (each + move for each, move in zip(box, moves, strict=True))
                if min(x, y) < 0 or side > 1 or max(x, y) + side > 1 + 1e-9:
                    continue
                found = float(_normalise(_cut(small, (x, y, side))[None])[0] @ vector)
                if found > value + 1e-6:
                    box, value, improved = (x, y, side), found, True
    return value


def _cut(small: Image.Image, box: Box) -> NDArray[np.uint8]:
    x, y, side = (share * SIDE for share in box)
    area = (x, y, min(x + side, SIDE), min(y + side, SIDE))
    return np.asarray(small.resize((TEMPLATE, TEMPLATE), Image.Resampling.BOX, area))


def _normalise(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Vectors of mean 0 and length 1, [n, values]; 0 for an image of one colour."""
    flat = pixels.reshape(len(pixels), -1).astype(np.float64)
    flat = flat - flat.mean(1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.where(length > 1e-6, flat / np.maximum(length, 1e-6), 0.0)
