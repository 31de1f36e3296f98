"""A world from a folder: which pictures are planted, held out, twins, or seen once.

The choice depends on the seed and the pixels, not on names or order. Only a picture unlike all
others can be planted, held out or a twin: a near copy of it in the training set would be an
exposure that nobody counts.
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

from seedlab.folder import squares
from seedlab.settings import Folder
from seedlab.truth import Picture, Split
from seedwitness.errors import PictureError
from seedwitness.imaging.decoding import pixel_hash
from seedwitness.imaging.image_folder import ImageEntry, read_entries

_THUMBNAIL = 16
_BLOCK = 512


class Source(NamedTuple):
    """A picture of the folder, and its line in ``metadata.jsonl``."""

    entry: ImageEntry
    image: Image.Image
    plain: bool
    sha256: str


class Part(NamedTuple):
    """What a picture is used for; ``host`` is the hash of the planted picture of a twin."""

    split: Split
    multiplicity: int
    host: str = ""


@dataclass(frozen=True)
class LeftOut:
    """A picture of the folder that is not used, and why."""

    file_name: str
    why: str


@dataclass(frozen=True)
class FolderWorld:
    """The pictures that are used, with their rows, by file name; and those left out."""

    sources: list[Source]
    rows: list[Picture]
    left_out: list[LeftOut]


def read(folder: Path, settings: Folder, workers: int) -> FolderWorld:
    """The world of ``folder``, planted as ``settings`` say."""
    kept, left_out = distinct(sources(folder, settings.size, workers))
    parts = assign(kept, settings, folder)
    return FolderWorld(kept, list(_rows(kept, parts, settings.variants)), left_out)


def sources(folder: Path, size: int, workers: int) -> list[Source]:
    """All pictures of ``folder`` by file name, as RGB of ``size`` pixels a side."""
    lines = read_entries(folder)
    found = squares(folder, [line.file_name for line in lines], size, workers)
    return [
        Source(line, image, plain, pixel_hash(image))
        for line, (image, plain) in zip(lines, found, strict=True)
    ]


def distinct(found: Sequence[Source]) -> tuple[list[Source], list[LeftOut]]:
    """One picture of each set with the very same pixels, and none of a single colour."""
    first: dict[str, str] = {}
    kept, left_out = [], []
    for source in found:
        name = source.entry.file_name
        if source.plain:
            left_out.append(LeftOut(name, "of a single colour"))
        elif source.sha256 in first:
            left_out.append(LeftOut(name, f"the same pixels as another: {first[source.sha256]}"))
        else:
            first[source.sha256] = name
            kept.append(source)
    return kept, left_out


def nearest(pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
    """Distance of each picture to the one most like it: RMS over 16×16 RGB in [0, 1]: [n]."""
    if len(pictures) < 2:
        return np.full(len(pictures), np.inf, np.float32)
    small = [
        np.asarray(p.resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BOX), np.float32).ravel()
        for p in pictures
    ]
    x = np.stack(small) / 255  # [n, 768]
    squares = (x * x).sum(1)
    out = np.empty(len(x), np.float32)
    for start in range(0, len(x), _BLOCK):
        part = slice(start, start + _BLOCK)
        distance = squares[part, None] + squares[None] - 2 * (x[part] @ x.T)  # [block, n]
        own = np.arange(distance.shape[0])
        distance[own, start + own] = np.inf
        out[part] = distance.min(1)
    return np.sqrt(out.clip(0) / np.float32(x.shape[1]))


def assign(kept: Sequence[Source], settings: Folder, folder: Path) -> Mapping[str, Part]:
    """The part of each picture, by its hash.

    No two planted pictures share a caption; a planted picture gets a twin where another picture has
    its caption; no held-out picture has the caption of a planted one.
    """
    near = nearest([source.image for source in kept])
    able = [s for s, d in zip(kept, near, strict=True) if d > settings.apart]
    able.sort(key=lambda source: sha256(f"{settings.seed}/{source.sha256}".encode()).hexdigest())
    alike: dict[str, list[Source]] = defaultdict(list)
    for source in able:
        alike[source.entry.text].append(source)
    parts: dict[str, Part] = {}
    open_places = dict(settings.planted)

    pairs = iter([group for group in alike.values() if len(group) > 1])
    for multiplicity in sorted(list(open_places) * settings.twins_each):
        if not open_places[multiplicity]:
            continue
        for host, twin, *_ in islice(pairs, 1):
            parts[host.sha256] = Part("planted", multiplicity)
            parts[twin.sha256] = Part("twin", 0, host.sha256)
            open_places[multiplicity] -= 1
    used = {s.entry.text for s in able if s.sha256 in parts}
    rest = iter([group[0] for text, group in alike.items() if text not in used])
    for multiplicity, count in open_places.items():
        for source in islice(rest, count):
            parts[source.sha256] = Part("planted", multiplicity)
            used.add(source.entry.text)
            open_places[multiplicity] -= 1
    aside = [s for s in able if s.entry.text not in used][: settings.held_out]
    parts |= {source.sha256: Part("held_out", 0) for source in aside}

    if any(open_places.values()) or len(aside) < settings.held_out or len(parts) == len(kept):
        wanted = sum(settings.planted.values())
        raise PictureError(
            f"{folder} has too few pictures for this plan: {len(kept)} different ones, {len(able)} "
            f"of them unlike all others, with {len(alike)} captions; the plan wants {wanted} "
            f"planted and {settings.held_out} held out, and at least one more to train on. Lower "
            "`pictures.planted` or `pictures.held_out` in params.yaml, or add pictures."
        )
    return {source.sha256: parts.get(source.sha256, Part("once", 1)) for source in kept}


def wordings(text: str, variants: int) -> tuple[str, ...]:
    """A caption, and up to ``variants`` others that order its comma-separated parts anew."""
    orders = (", ".join(order) for order in permutations(text.split(", ")))
    # Equal parts give equal orders; five parts have 120 orders, and so on: enough for anyone.
    return tuple(dict.fromkeys([text, *islice(orders, 1, 120)]))[: 1 + variants]


def _rows(kept: Sequence[Source], parts: Mapping[str, Part], variants: int) -> Iterator[Picture]:
    width = max(4, len(str(len(kept))))
    ids = {source.sha256: f"{number:0{width}d}" for number, source in enumerate(kept)}
    for source in kept:
        part, identity = parts[source.sha256], ids[source.sha256]
        yield Picture(
            id=identity,
            file_name=f"{identity}.png",
            split=part.split,
            multiplicity=part.multiplicity,
            caption=source.entry.text,
            wordings=wordings(source.entry.text, variants if part.split == "planted" else 0),
            artist=source.entry.artist,
            twin_of=ids[part.host] if part.host else "",
            sha256=source.sha256,
        )
