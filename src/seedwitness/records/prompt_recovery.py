"""``recover.json``: which recovery methods ran, and on what."""

from __future__ import annotations

from typing import Literal

from seedwitness.records.document import Document

PromptSource = Literal["corpus", "metadata", "user", "recovered"]


class PromptRecovery(Document):
    """``recover.json``: which methods were asked with what, and what was left out."""

    methods: dict[str, int]
    """Every method that was asked, and how many candidates it gave."""
    model: str
    model_sha256: str
    model_label: str
    token_limit: int
    """Of the model's text encoder, begin and end included; it reads no further in longer texts."""
    vocabulary: int
    code: str
    """What the bits of a prompt are counted by."""
    phrases: str = ""
    """Where the phrases came from."""
    phrases_ranked: int = 0
    phrases_too_long: int = 0
    """Phrases left out because the text encoder cannot read them to their end."""
