"""The input and the result of every recovery method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedwitness.records.prompt_recovery import PromptSource
from seedwitness.records.target import Claim

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class TextEncoder:
    """CLIP's text encoder: embeddings of unit length, token counts, and its token limit.

    ``embed`` takes n texts to [n, d]; it reads the first ``token_limit`` tokens of a text.
    ``count_tokens`` counts the tokens of a whole text, begin and end token included.
    """

    embed: Callable[[Sequence[str]], Vectors]
    count_tokens: Callable[[str], int]
    token_limit: int
    vocabulary_size: int


@dataclass(frozen=True)
class Phrasebook:
    """Phrases from which prompts are made, with their embeddings [n, d].

    ``occurrence_counts`` is the number of captions, or of lines of the file, that contain each
    phrase; ``can_open`` says whether a prompt may begin with it, ``can_extend`` whether it may
    follow. ``too_long_count`` phrases were left out because they exceed the encoder's limit.
    """

    texts: tuple[str, ...]
    occurrence_counts: tuple[int, ...]
    can_open: tuple[bool, ...]
    can_extend: tuple[bool, ...]
    embeddings: Vectors
    source: str
    too_long_count: int


@dataclass(frozen=True)
class RecoveryInput:
    """One target as input of the methods; ``image`` [d] is its embedding, of unit length."""

    image: Vectors
    claims: Sequence[Claim]
    caption: str | None
    encoder: TextEncoder
    phrasebook: Phrasebook | None
    max_phrases: int
    shortlist: int


@dataclass(frozen=True)
class Candidate:
    """A candidate prompt: its unchanged text, its source, and the exact method that found it."""

    text: str
    source: PromptSource
    method: str
