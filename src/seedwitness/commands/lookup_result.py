"""What ``seedwitness lookup`` is asked, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from seedwitness.records.corpus import CorpusRecord, RemoteAnswer
from seedwitness.records.document import Document

STATEMENT = (
    "A hit shows that a picture or a caption is in the corpus that was searched, not that any "
    "checkpoint was trained on it."
)


@dataclass(frozen=True)
class LookupOptions:
    """What the command line says."""

    corpus: str | None = None
    clip: Path | None = None
    neighbours: int | None = None
    modality: Literal["image", "text"] | None = None
    index_name: str | None = None
    fetch: bool = False
    allow_private: bool = False
    timeout: float = 30.0


class LookupHit(Document):
    """One row that a lookup returned. Values that are not known are null."""

    rank: int
    similarity: float | None
    """Cosine by CLIP; null for a search without vectors."""
    copy_by: str = ""
    phash_distance: int | None = None
    pdq_distance: int | None = None
    descriptor: float | None = None
    duplicates: int | None = None
    copies: int | None = None
    caption: str
    location: str
    url: str
    picture: str = ""
    """With ``--fetch``: ``fetched``, or why there is no picture."""


class LookupResult(Document):
    """What was asked, what was searched, and what was found."""

    query: str
    query_kind: Literal["image", "text"]
    modality: Literal["image", "text"]
    """Whether pictures or captions were searched."""
    corpus: str
    hits: list[LookupHit]
    index: CorpusRecord | None = None
    tables: Any = None
    """Of a search of tables: a ``TableAnswer``."""
    remote: RemoteAnswer | None = None
    notes: list[str] = Field(default_factory=list)
    statement: str = STATEMENT

    @property
    def is_answered(self) -> bool:
        """Whether there was an answer at all, also an empty one."""
        return self.remote is None or not self.remote.failure
