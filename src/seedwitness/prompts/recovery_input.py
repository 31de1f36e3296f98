"""The input and the result of every recovery method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seedwitness.config.names import InterrogateMode
from seedwitness.config.prompt_settings import RECOVER_MODES, CaptionerSettings, PezSettings
from seedwitness.prompts.budget import Budget
from seedwitness.records.prompt_recovery import PromptSource
from seedwitness.records.target import Claim

if TYPE_CHECKING:
    from PIL import Image

    from seedwitness.metrics.clip_score import ClipScore

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
class Candidate:
    """A candidate prompt: its unchanged text, its source, and the exact method that found it."""

    text: str
    source: PromptSource
    method: str


@dataclass(frozen=True)
class PhraseTables:
    """CLIP Interrogator's tables, or our own: phrases by kind, with their embeddings [n, d].

    ``source`` says whose they are. ``too_long_count`` phrases exceed the encoder's limit.
    """

    texts: dict[str, tuple[str, ...]]
    embeddings: dict[str, Vectors]
    source: str
    too_long_count: int


@dataclass(frozen=True)
class RecoveryInput:
    """One target as input of the methods; ``image`` [d] is its embedding, of unit length.

    ``picture``, ``clip``, ``tables`` and ``captioners`` are set where a method of the settings
    needs them; ``captions`` are those of the captioners.
    """

    image: Vectors
    claims: Sequence[Claim]
    caption: str | None
    encoder: TextEncoder
    phrasebook: Phrasebook | None
    max_phrases: int
    shortlist: int
    picture: Image.Image | None = None
    clip: ClipScore | None = None
    tables: PhraseTables | None = None
    modes: Sequence[InterrogateMode] = RECOVER_MODES
    captioners: Sequence[CaptionerSettings] = ()
    captions: Sequence[Candidate] = ()
    pez: PezSettings = field(default_factory=PezSettings)
    budget: Budget = field(default_factory=Budget)
