"""Recover prompts that may have generated a target: one file per method.

Sources in the order of their weight as evidence: the caption of a matching training record, the
target's own metadata (a claim, trivially forged), the user's statement, recovery from pixels. The
first comes from a lookup; ``prompt_selection`` merges all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from seedwitness.config.reading import suggest_names
from seedwitness.errors import ConfigError
from seedwitness.prompts import metadata, phrases, user
from seedwitness.prompts.recovery_input import Candidate, RecoveryInput
from seedwitness.records.prompt_recovery import PromptSource
from seedwitness.records.tables import PROMPTS, make_typed_frame
from seedwitness.statistics.description_length import count_text_bits

if TYPE_CHECKING:
    import pandas as pd

METHODS: dict[str, Callable[[RecoveryInput], list[Candidate]]] = {
    "metadata": metadata.list_claimed_prompts,
    "user": user.list_stated_prompts,
    "phrases": phrases.rank_phrases,
}

SOURCE_ORDER: tuple[PromptSource, ...] = ("corpus", "metadata", "user", "recovered")


def check_methods(methods: Sequence[str]) -> None:
    """Raise ConfigError, which lists the known methods, if one of ``methods`` is unknown."""
    for name in methods:
        if name not in METHODS:
            raise ConfigError(
                f"recover.methods: there is no method `{name}`.{suggest_names(name, METHODS)}"
            )


def recover_prompts(
    methods: Sequence[str], recovery_input: RecoveryInput
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Run all ``methods``: candidates as a table PROMPTS, and their number by method.

    Candidates are ordered by SOURCE_ORDER, then by method in the order of ``methods``, then by the
    method's own ranking; nothing is merged. ``score`` is the cosine of text and target by CLIP.
    ``tokens`` counts the whole text, even if the encoder reads only its beginning; ``bits`` is
    ``description_length.count_text_bits``. Raises ConfigError for an unknown method.
    """
    check_methods(methods)
    by_method = {name: METHODS[name](recovery_input) for name in methods}
    candidates = [candidate for group in by_method.values() for candidate in group]
    candidates.sort(key=lambda candidate: SOURCE_ORDER.index(candidate.source))
    texts = [candidate.text for candidate in candidates]
    encoder = recovery_input.encoder
    scores: list[float] = (encoder.embed(texts) @ recovery_input.image).tolist() if texts else []
    rows = []
    for rank, (candidate, score) in enumerate(zip(candidates, scores, strict=True), start=1):
        rows.append(
            {
                "rank": rank,
                "text": candidate.text,
                "source": candidate.source,
                "method": candidate.method,
                "score": score,
                "tokens": encoder.count_tokens(candidate.text),
                "bits": count_text_bits(candidate.text),
            }
        )
    return make_typed_frame(rows, PROMPTS), {name: len(group) for name, group in by_method.items()}
