"""Prompts and matches in ``evidence.json``: what was tried, and where it comes from."""

from __future__ import annotations

from typing import Literal

from seedwitness.records.corpus import CorpusRecord, LookupQuery
from seedwitness.records.document import Document

PromptOrigin = Literal[
    "caption-of-target",
    "caption-of-other-picture",
    "claimed-by-file",
    "stated-by-user",
    "recovered-from-pixels",
]
"""Where a prompt comes from: the first is stored in the corpus with the target's own picture."""


class Prompt(Document):
    """A prompt candidate and where it comes from."""

    rank: int
    text: str
    source: str
    method: str
    score: float | None
    tokens: int
    bits: float | None


class SearchedPrompt(Document):
    """A prompt that shared the budget, and how close its trials came."""

    prompt: Prompt
    origin: PromptOrigin
    trials: int
    copies: int
    reference_trials: int
    """Trials of the same recipes on the reference checkpoint; 0 if the case is the reference."""
    reference_copies: int
    closest: float | None


class Match(Document):
    """A match in the corpus."""

    rank: int
    modality: str
    query: str
    similarity: float
    phash_distance: int | None
    pdq_distance: int | None
    pdq_quality: int | None
    descriptor: float | None
    copy_by: str
    """What shows that the record is a copy of the target; empty if nothing does."""
    caption: str
    location: str
    url: str
    corpus_id: str
    duplicates: int
    copies: int
    caption_score: float | None
    caption_tokens: int
    caption_bits: float | None
    is_target: bool
    """Whether the record is the target's own picture, by PDQ and colour."""
    image: str | None


class Lookup(Document):
    """Which corpus was searched, and how."""

    corpus: CorpusRecord
    query: LookupQuery
