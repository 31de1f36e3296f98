"""Recover the prompts that a target may have been made with: one file a method.

Sources in the order of their worth as evidence: the caption of a matching training record, the
target's own metadata (a claim, trivially forged), what the user states, what a method recovers from
pixels. The first comes from a lookup; ``candidates`` puts all of them together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from seedwitness.config.reading import suggest_names
from seedwitness.errors import ConfigError
from seedwitness.prompts import metadata, phrases, user
from seedwitness.prompts.recovery_input import Candidate, RecoveryInput
from seedwitness.records.prompt_recovery import PromptSource
from seedwitness.records.tables import PROMPTS, typed_frame
from seedwitness.statistics.description_length import text_bits

if TYPE_CHECKING:
    import pandas as pd

METHODS: dict[str, Callable[[RecoveryInput], list[Candidate]]] = {
    "metadata": metadata.claimed,
    "user": user.stated,
    "phrases": phrases.ranked,
}

WORTH: tuple[PromptSource, ...] = ("corpus", "metadata", "user", "recovered")


def check(methods: Sequence[str]) -> None:
    """Raises ConfigError, with the known methods, where one of ``methods`` is unknown."""
    for name in methods:
        if name not in METHODS:
            raise ConfigError(
                f"recover.methods: there is no `{name}`.{suggest_names(name, METHODS)}"
            )


def recover(methods: Sequence[str], given: RecoveryInput) -> tuple[pd.DataFrame, dict[str, int]]:
    """Candidates of all ``methods`` as a table of PROMPTS, and how many each method gave.

    Ordered by the worth of their source, then as ``methods`` are, then as a method ranks its own;
    nothing is merged. ``score`` is the cosine of text and target by CLIP. ``tokens`` counts the
    whole text, also where the encoder reads only its beginning; ``bits`` is ``coding.text_bits``.
    Raises ConfigError for an unknown method.
    """
    check(methods)
    by_method = {name: METHODS[name](given) for name in methods}
    found = [each for candidates in by_method.values() for each in candidates]
    found.sort(key=lambda each: WORTH.index(each.source))
    texts = [each.text for each in found]
    scores: list[float] = (given.encoder.embed(texts) @ given.image).tolist() if texts else []
    rows = []
    for rank, (each, score) in enumerate(zip(found, scores, strict=True), start=1):
        rows.append(
            {
                "rank": rank,
                "text": each.text,
                "source": each.source,
                "method": each.method,
                "score": score,
                "tokens": given.encoder.count(each.text),
                "bits": text_bits(each.text),
            }
        )
    return typed_frame(rows, PROMPTS), {name: len(each) for name, each in by_method.items()}
