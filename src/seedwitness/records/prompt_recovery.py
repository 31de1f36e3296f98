"""The document ``recover.json``: which recovery methods ran, and on which inputs."""

from __future__ import annotations

from typing import Literal

from seedwitness.records.document import Document

PromptSource = Literal["corpus", "metadata", "user", "recovered"]


class PromptRecovery(Document):
    """``recover.json``: the recovery methods, their inputs, and the phrases left out."""

    methods: dict[str, int]
    """The number of prompt candidates that each method gave."""
    model: str
    model_sha256: str
    model_label: str
    token_limit: int
    """Tokens that the text encoder reads, begin and end included; longer texts are truncated."""
    vocabulary: int
    code: str
    """The code by which the bits of a prompt are counted."""
    phrases: str = ""
    """The source of the phrases."""
    phrases_ranked: int = 0
    phrases_too_long: int = 0
    """Phrases left out because the text encoder would truncate them."""
