"""Documents of the corpus: what was indexed, and how it was queried."""

from __future__ import annotations

from pydantic import Field

from seedwitness.records.document import Document


class CorpusRecord(Document):
    """``corpus.json``: what was indexed, by which model, and what the index finds again."""

    source: str
    rows: int
    sha256: str
    """Digest of all pixels' hashes and captions, in order."""
    model: str
    model_sha256: str
    model_label: str
    index: str
    recall_at_1: float
    recall_n: int
    recall_what: str = ""
    """What was asked for, and what counted as found."""
    pictures: dict[str, str] = Field(default_factory=dict)


class LookupQuery(Document):
    """``query.json``: how the corpus was asked, in full."""

    corpus_sha256: str
    model: str
    neighbours: int
    prompts: list[str]
    near_duplicate: float
    filters: list[str] = Field(default_factory=list)
    """Nothing is filtered, deduplicated or weighted; a filter would be named here."""
