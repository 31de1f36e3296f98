"""Documents of the corpus: what was indexed, and how it was queried."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from seedwitness.records.document import Document


class CorpusRecord(Document):
    """``corpus.json``: what was indexed, by which model, and the recall of the index."""

    source: str
    rows: int
    sha256: str
    """Digest of the pixel hashes and captions of all images, in order."""
    model: str
    model_sha256: str
    model_label: str
    index: str
    recall_at_1: float
    recall_n: int
    recall_what: str = ""
    """The queries of the recall test, and what counted as a hit."""
    pictures: dict[str, str] = Field(default_factory=dict)
    kind: str = "image-folder"
    """The kind of the source."""
    vectors_given: bool = False
    """Whether the corpus brought its embeddings along; ``model`` is then what is taken for theirs,
    which nothing shows."""
    recall_at_10: float | None = None
    """The share of the ten nearest rows by exact search that the index finds; null if exact."""
    probes: int | None = None
    """Of an index that is not exact: cells that a query searches."""
    rescored: int | None = None
    """And candidates that are scored again exactly."""
    descriptor: str = ""
    """The copy-detection descriptor of every picture; empty without."""
    descriptor_sha256: str = ""
    descriptor_label: str = ""
    """Whose weights the descriptor has."""
    omitted: dict[str, int] = Field(default_factory=dict)
    """What of the source could not be used, by reason; ``no-caption`` and ``bad-caption`` are in
    the index without a caption, everything else is not in it."""
    omitted_examples: dict[str, str] = Field(default_factory=dict)
    """The first of each."""
    files: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of the files of the index."""


class LookupQuery(Document):
    """``query.json``: the settings of a corpus query, in full."""

    corpus_sha256: str
    model: str
    neighbours: int
    prompts: list[str]
    near_duplicate: float
    copy_pdq: int = 31
    copy_descriptor: float = 0.75
    filters: list[str] = Field(default_factory=list)
    """Filters of the matches. There are none: nothing is filtered, deduplicated or weighted."""


class RemoteMatch(Document):
    """A row that a server of others returned."""

    id: str
    similarity: float
    caption: str
    url: str


class RemoteAnswer(Document):
    """What a server of clip-retrieval was asked, and what it answered, if it did."""

    server: str
    request: dict[str, Any]
    """The whole request; a picture by its hash."""
    answered_at: str
    """When the last try ended, in UTC."""
    tries: int
    seconds: float
    matches: list[RemoteMatch] = Field(default_factory=list)
    dropped: dict[str, int] = Field(default_factory=dict)
    """Rows of the answer that were left out, by reason."""
    failure: str = ""
    """Why there is no answer, as a code; empty if there is one."""
    detail: str = ""
