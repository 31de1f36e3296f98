"""Assign the pictures of a folder to the splits: planted, held out, twin or seen once.

The assignment depends on the seed and the pixels, not on file names or order. Only a picture
without a near copy can be planted, held out or a twin: a near copy in the training set would be an
exposure that is not counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice, permutations
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seedlab.ground_truth import PictureRecord, Split
from seedlab.settings import FolderPictures
from seedlab.square_images import load_square_images
from seedwitness.errors import PictureError
from seedwitness.imaging.decoding import hash_pixels
from seedwitness.imaging.image_folder import ImageEntry, read_entries

_THUMBNAIL = 16
_BLOCK = 512


class SourcePicture(NamedTuple):
    """A picture of the folder, with its line in ``metadata.jsonl``."""

    entry: ImageEntry
    image: Image.Image
    is_plain: bool
    sha256: str


class Assignment(NamedTuple):
    """Split and multiplicity of a picture; ``host`` is the hash of a twin's planted picture."""

    split: Split
    multiplicity: int
    host: str = ""


@dataclass(frozen=True)
class ExcludedPicture:
    """A picture of the folder that is not used, and the reason."""

    file_name: str
    reason: str


@dataclass(frozen=True)
class FolderPlan:
    """The pictures in use with their rows, in order of file name, and the excluded pictures."""

    sources: list[SourcePicture]
    rows: list[PictureRecord]
    excluded: list[ExcludedPicture]


def plan_folder(folder: Path, settings: FolderPictures, workers: int) -> FolderPlan:
    """Read ``folder`` and assign its pictures to the splits that ``settings`` describe."""
    sources, excluded = drop_duplicates(read_sources(folder, settings.size, workers))
    assignments = assign_splits(sources, settings, folder)
    rows = list(_make_rows(sources, assignments, settings.variants))
    return FolderPlan(sources, rows, excluded)


def read_sources(folder: Path, size: int, workers: int) -> list[SourcePicture]:
    """All pictures of ``folder`` in order of file name, as RGB of ``size`` pixels a side."""
    entries = read_entries(folder, "pictures.path")
    images = load_square_images(folder, [entry.file_name for entry in entries], size, workers)
    return [
        SourcePicture(entry, image, is_plain, hash_pixels(image))
        for entry, (image, is_plain) in zip(entries, images, strict=True)
    ]


def drop_duplicates(
    sources: Sequence[SourcePicture],
) -> tuple[list[SourcePicture], list[ExcludedPicture]]:
    """Split ``sources`` into pictures to use and excluded ones.

    Excluded are pictures of a single colour, and all but the first of those with equal pixels.
    """
    first_names: dict[str, str] = {}
    distinct, excluded = [], []
    for source in sources:
        name = source.entry.file_name
        if source.is_plain:
            excluded.append(ExcludedPicture(name, "of a single colour"))
        elif source.sha256 in first_names:
            other = first_names[source.sha256]
            excluded.append(ExcludedPicture(name, f"the same pixels as another: {other}"))
        else:
            first_names[source.sha256] = name
            distinct.append(source)
    return distinct, excluded


def nearest_distances(pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
    """Distance of each picture to the most similar other one, [n].

    The distance is the root mean square difference of 16×16 RGB thumbnails with values in [0, 1].
    A picture alone has the distance infinity.
    """
    if len(pictures) < 2:
        return np.full(len(pictures), np.inf, np.float32)
    size = (_THUMBNAIL, _THUMBNAIL)
    thumbnails = [
        np.asarray(picture.resize(size, Image.Resampling.BOX), np.float32).ravel()
        for picture in pictures
    ]
    x = np.stack(thumbnails) / 255  # [n, 768]
    squares = (x * x).sum(1)
    smallest = np.empty(len(x), np.float32)
    for start in range(0, len(x), _BLOCK):
        block = slice(start, start + _BLOCK)
        distance = squares[block, None] + squares[None] - 2 * (x[block] @ x.T)  # [block, n]
        index = np.arange(distance.shape[0])
        distance[index, start + index] = np.inf  # of a picture to itself
        smallest[block] = distance.min(1)
    return np.sqrt(smallest.clip(0) / np.float32(x.shape[1]))


def assign_splits(
    sources: Sequence[SourcePicture], settings: FolderPictures, folder: Path
) -> Mapping[str, Assignment]:
    """Assignment of each picture, by its hash.

    Planted pictures have different captions. A planted picture gets a twin where another picture
    has its caption. No held-out picture has the caption of a planted one. Raises PictureError
    where ``folder`` has too few pictures.
    """
    distances = nearest_distances([source.image for source in sources])
    eligible = [
        source
        for source, distance in zip(sources, distances, strict=True)
        if distance > settings.min_distance
    ]
    eligible.sort(
        key=lambda source: sha256(f"{settings.seed}/{source.sha256}".encode()).hexdigest()
    )
    by_caption: dict[str, list[SourcePicture]] = defaultdict(list)
    for source in eligible:
        by_caption[source.entry.text].append(source)
    assignments: dict[str, Assignment] = {}
    open_places = dict(settings.planted)

    pairs = iter([group for group in by_caption.values() if len(group) > 1])
    for multiplicity in sorted(list(open_places) * settings.twins_each):
        if not open_places[multiplicity]:
            continue
        for host, twin, *_ in islice(pairs, 1):
            assignments[host.sha256] = Assignment("planted", multiplicity)
            assignments[twin.sha256] = Assignment("twin", 0, host.sha256)
            open_places[multiplicity] -= 1
    planted_captions = {source.entry.text for source in eligible if source.sha256 in assignments}
    others = iter([group[0] for text, group in by_caption.items() if text not in planted_captions])
    for multiplicity, count in open_places.items():
        for source in islice(others, count):
            assignments[source.sha256] = Assignment("planted", multiplicity)
            planted_captions.add(source.entry.text)
            open_places[multiplicity] -= 1
    held_out = [source for source in eligible if source.entry.text not in planted_captions]
    held_out = held_out[: settings.held_out]
    assignments |= {source.sha256: Assignment("held_out", 0) for source in held_out}

    missing = any(open_places.values()) or len(held_out) < settings.held_out
    if missing or len(assignments) == len(sources):
        raise PictureError(
            f"{folder} has too few pictures for these settings. It has {len(sources)} different "
            f"ones; {len(eligible)} of them have no near copy, with {len(by_caption)} captions. "
            f"Required are {sum(settings.planted.values())} planted and {settings.held_out} held "
            "out, and at least one more to train on. Lower `pictures.planted` or "
            "`pictures.held_out` in params.yaml, or add pictures."
        )
    seen_once = Assignment("once", 1)
    return {source.sha256: assignments.get(source.sha256, seen_once) for source in sources}


def reorder_caption(text: str, variants: int) -> tuple[str, ...]:
    """A caption, and up to ``variants`` others that reorder its comma-separated parts."""
    orders = (", ".join(order) for order in permutations(text.split(", ")))
    # Equal parts give equal orders. Five parts already have 120 orders, more than anyone needs.
    return tuple(dict.fromkeys([text, *islice(orders, 1, 120)]))[: 1 + variants]


def _make_rows(
    sources: Sequence[SourcePicture], assignments: Mapping[str, Assignment], variants: int
) -> Iterator[PictureRecord]:
    """The rows of the ground truth; an id is the number of the picture in order of file name."""
    width = max(4, len(str(len(sources))))
    ids = {source.sha256: f"{number:0{width}d}" for number, source in enumerate(sources)}
    for source in sources:
        assignment, picture_id = assignments[source.sha256], ids[source.sha256]
        text = source.entry.text
        yield PictureRecord(
            id=picture_id,
            file_name=f"{picture_id}.png",
            split=assignment.split,
            multiplicity=assignment.multiplicity,
            caption=text,
            wordings=reorder_caption(text, variants if assignment.split == "planted" else 0),
            artist=source.entry.artist,
            twin_of=ids[assignment.host] if assignment.host else "",
            sha256=source.sha256,
        )
