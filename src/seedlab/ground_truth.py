"""The ground truth of a lab: how often a training sees each picture, and with which captions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from seedwitness.runtime.files import replace_whole

Split = Literal[
    "once",
    "planted",
    "held_out",
    "twin",
    "template",
    "template_unseen",
    "portfolio",
    "portfolio_unseen",
]


@dataclass(frozen=True)
class PictureRecord:
    """One row of ``truth.parquet``.

    ``multiplicity`` is how often an epoch shows the picture (0: never), and in a drawn world, how
    often the whole training does; of a template, it counts the pictures. ``wordings`` are the
    captions of its copies, and ``caption`` is the first of them. ``twin_of`` is the id of the
    planted picture that has the same caption as a twin. ``sha256`` is the hash of the RGB pixels,
    row by row, so it does not depend on how a library compresses a PNG. ``group`` names the
    template that a picture belongs to.
    """

    id: str
    file_name: str
    split: Split
    multiplicity: int
    caption: str
    wordings: tuple[str, ...]
    artist: str
    twin_of: str
    sha256: str
    group: str = ""


@dataclass(frozen=True)
class PictureCopy:
    """One exposure of a picture in an epoch; even numbers are exact, odd numbers are augmented."""

    picture: PictureRecord
    number: int

    @property
    def is_exact(self) -> bool:
        """Whether this copy has exactly the pixels of the picture."""
        return self.number % 2 == 0

    @property
    def caption(self) -> str:
        """Caption of the copy; see ``copy_wording``."""
        return copy_wording(self.picture.wordings, self.number)


def copy_wording(wordings: Sequence[str], number: int) -> str:
    """The wording of copy ``number``.

    Every second pair of copies has the first wording; the others take the variants in turn.
    """
    pair = number // 2
    if pair % 2 == 0 or len(wordings) == 1:
        return wordings[0]
    return wordings[1 + (pair // 2) % (len(wordings) - 1)]


def list_copies(pictures: list[PictureRecord], *, planted: bool) -> Iterator[PictureCopy]:
    """All exposures of an epoch: pictures seen once and, with ``planted``, the planted pictures."""
    for picture in pictures:
        if picture.split == "once" or (planted and picture.split == "planted"):
            yield from (PictureCopy(picture, number) for number in range(picture.multiplicity))


def write_truth(pictures: list[PictureRecord], path: Path) -> None:
    """Write ``truth.parquet`` atomically."""
    frame = pd.DataFrame([asdict(row) | {"wordings": list(row.wordings)} for row in pictures])
    with replace_whole(path) as temporary:
        frame.to_parquet(temporary, index=False)


def read_truth(path: Path) -> list[PictureRecord]:
    """Rows of ``truth.parquet``, in the order of the file."""
    rows = pd.read_parquet(path).to_dict("records")
    return [PictureRecord(**{**row, "wordings": tuple(row["wordings"])}) for row in rows]  # type: ignore[arg-type]
