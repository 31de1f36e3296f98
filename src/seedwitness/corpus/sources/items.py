"""What a source yields: items, and what it had to leave out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from seedwitness.errors import PictureError

if TYPE_CHECKING:
    from PIL import Image

Vector = NDArray[np.float32]

OmissionReason = Literal[
    "bad-caption",  # the caption is not UTF-8: the row is kept without it
    "bad-metadata",
    "bad-vector",  # of another width, not finite, or zero
    "damaged-archive",
    "damaged-picture",
    "no-caption",  # the row is kept without a caption
    "no-picture",
]
KEPT: frozenset[OmissionReason] = frozenset(("bad-caption", "no-caption"))
"""Reasons for which only the caption is missing, and the row is in the corpus."""


@dataclass(frozen=True)
class Omission:
    """Something in a source that could not be used: why, where, and what was seen."""

    reason: OmissionReason
    location: str
    detail: str = ""


@dataclass(frozen=True)
class CorpusItem:
    """One picture with its caption, or the embeddings of both.

    ``location`` names it within the corpus. ``load_image`` decodes the picture, and raises
    PictureError; None where the corpus has embeddings only. Vectors need not have unit length.
    """

    location: str
    caption: str
    url: str = ""
    load_image: Callable[[], Image.Image] | None = None
    image_vector: Vector | None = None
    text_vector: Vector | None = None


@dataclass(frozen=True)
class Part:
    """A part of a source: its name, what decides its content, and its reader."""

    name: str
    key: str
    read: Callable[[], Iterator[CorpusItem | Omission]]


def describe_file(path: Path) -> str:
    """Describe a file by size and time of change: enough to continue a build, and fast."""
    stat = path.stat()
    return f"{path.name} {stat.st_size} {stat.st_mtime_ns}"


def require_folder(folder: Path, contents: str) -> None:
    """Raise PictureError if there is no such folder; ``contents`` is what belongs into it."""
    if not folder.is_dir():
        raise PictureError(
            f"There is no folder {folder}. Put {contents} there, or set `corpus.path` to it."
        )


def read_caption(value: object, location: str) -> tuple[str, list[Omission]]:
    """Read a caption of any type as one line of text; what is wrong with it is an omission.

    Bytes must be UTF-8, as is text with lone surrogates, which cannot be written again.
    """
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "", [Omission("no-caption", location)]
    try:
        text = value.decode("utf-8-sig") if isinstance(value, bytes) else str(value)
        text.encode("utf-8")
    except UnicodeError as error:
        return "", [Omission("bad-caption", location, f"not UTF-8: {error}")]
    text = " ".join(text.split())
    return text, [] if text else [Omission("no-caption", location)]


def read_json_object(data: bytes) -> dict[str, object]:
    """Parse a JSON object. Raises ValueError for anything else, also for NaN and deep nesting."""

    def refuse(name: str) -> float:
        raise ValueError(f"{name} is not JSON")

    try:
        value = json.loads(data.decode("utf-8-sig"), parse_constant=refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("it is not a JSON object")
    return value
