"""The known answers: which picture was seen how often, and under which words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from seedwitness.runtime.files import replace_whole

Split = Literal["once", "planted", "held_out", "twin"]


@dataclass(frozen=True)
class Picture:
    """One row of ``truth.parquet``.

    ``multiplicity`` is how often a training sees it (0: never); ``wordings`` are the captions that
    its copies bear, ``caption`` the first of them; ``twin_of`` names the planted picture whose
    caption a twin has; ``sha256`` is of the RGB pixels, row by row, so it does not depend on how a
    library packs a PNG.
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


@dataclass(frozen=True)
class Copy:
    """One exposure of a picture in an epoch: ``number`` 0 is exact, odd numbers are augmented."""

    picture: Picture
    number: int

    @property
    def exact(self) -> bool:
        """Whether this copy has the picture's very pixels."""
        return self.number % 2 == 0

    @property
    def caption(self) -> str:
        """The first wording for every second pair of copies, the variants in turn for the rest."""
        wordings = self.picture.wordings
        pair = self.number // 2
        if pair % 2 == 0 or len(wordings) == 1:
            return wordings[0]
        return wordings[1 + (pair // 2) % (len(wordings) - 1)]


def copies(pictures: list[Picture], *, planted: bool) -> Iterator[Copy]:
    """What one epoch shows: pictures seen once and, where ``planted``, the planted ones as well."""
    for picture in pictures:
        if picture.split == "once" or (planted and picture.split == "planted"):
            yield from (Copy(picture, k) for k in range(picture.multiplicity))


def write(pictures: list[Picture], path: Path) -> None:
    """Write ``truth.parquet``, whole."""
    frame = pd.DataFrame([asdict(p) | {"wordings": list(p.wordings)} for p in pictures])
    with replace_whole(path) as temporary:
        frame.to_parquet(temporary, index=False)


def read(path: Path) -> list[Picture]:
    """Rows of ``truth.parquet``, in their order."""
    rows = pd.read_parquet(path).to_dict("records")
    return [Picture(**{**row, "wordings": tuple(row["wordings"])}) for row in rows]  # type: ignore[arg-type]
