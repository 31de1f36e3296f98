"""What every recovery method is given, and what it gives back."""

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
    """CLIP's text encoder: embeddings of unit length, real token counts, and how far it reads.

    ``embed`` takes n texts to [n, d]; of a text longer than ``limit`` tokens it reads the
    beginning. ``count`` is the number of tokens of a whole text, begin and end included.
    """

    embed: Callable[[Sequence[str]], Vectors]
    count: Callable[[str], int]
    limit: int
    vocabulary: int


@dataclass(frozen=True)
class Phrasebook:
    """Phrases to make prompts of, by text, with their embeddings [n, d].

    ``counts`` says in how many captions, or lines of the file, each stands; ``opens`` whether
    a prompt may begin with it, ``extends`` whether it may follow. ``too_long`` were left out
    because the text encoder cannot read them to their end.
    """

    texts: tuple[str, ...]
    counts: tuple[int, ...]
    opens: tuple[bool, ...]
    extends: tuple[bool, ...]
    embeddings: Vectors
    source: str
    too_long: int


@dataclass(frozen=True)
class RecoveryInput:
    """One target as the methods see it; ``image`` [d] is its embedding, of unit length."""

    image: Vectors
    claims: Sequence[Claim]
    caption: str | None
    encoder: TextEncoder
    phrasebook: Phrasebook | None
    most_phrases: int
    shortlist: int


@dataclass(frozen=True)
class Candidate:
    """A candidate prompt: its text, unchanged, its source, and what exactly it was found by."""

    text: str
    source: PromptSource
    method: str
