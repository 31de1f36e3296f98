"""Documents of the corpus: what was indexed, and how it was queried."""

from __future__ import annotations

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


class LookupQuery(Document):
    """``query.json``: the settings of a corpus query, in full."""

    corpus_sha256: str
    model: str
    neighbours: int
    prompts: list[str]
    near_duplicate: float
    filters: list[str] = Field(default_factory=list)
    """Filters of the matches. There are none: nothing is filtered, deduplicated or weighted."""
