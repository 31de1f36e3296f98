"""Recover prompts that may have generated a target: one file per method.

Sources in the order of their weight as evidence: the caption of a matching training record, the
target's own metadata (a claim, trivially forged), the user's statement, recovery from pixels. The
first comes from a lookup; ``prompt_selection`` merges all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from seedwitness.config.reading import suggest_names
from seedwitness.errors import ConfigError
from seedwitness.prompts import interrogate, metadata, phrases, user
from seedwitness.prompts.recovery_input import Candidate, RecoveryInput
from seedwitness.records.prompt_recovery import PromptSource
from seedwitness.records.tables import PROMPTS, make_typed_frame
from seedwitness.statistics.description_length import count_text_bits

if TYPE_CHECKING:
    import pandas as pd


def _list_captions(inputs: Sequence[RecoveryInput]) -> list[list[Candidate]]:
    from seedwitness.prompts import caption  # imports torch

    return caption.list_captions(inputs)


def _list_optimised_prompts(inputs: Sequence[RecoveryInput]) -> list[list[Candidate]]:
    from seedwitness.prompts import pez  # imports torch

    return pez.list_optimised_prompts(inputs)


METHODS: dict[str, Callable[[RecoveryInput], list[Candidate]]] = {
    "metadata": metadata.list_claimed_prompts,
    "user": user.list_stated_prompts,
    "phrases": phrases.rank_phrases,
    "interrogate": interrogate.interrogate,
    "caption": lambda recovery_input: _list_captions([recovery_input])[0],
    "pez": lambda recovery_input: _list_optimised_prompts([recovery_input])[0],
}

BATCHED_METHODS: dict[str, Callable[[Sequence[RecoveryInput]], list[list[Candidate]]]] = {
    "caption": _list_captions,
    "pez": _list_optimised_prompts,
}
"""Methods that gain from seeing many targets at once; a target's candidates are the same."""

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
    """Run all ``methods`` on one target; see ``recover_many``."""
    return recover_many(methods, [recovery_input])[0]


def recover_many(
    methods: Sequence[str], inputs: Sequence[RecoveryInput]
) -> list[tuple[pd.DataFrame, dict[str, int]]]:
    """Run all ``methods`` on every target: candidates as a table PROMPTS, their number by method.

    Candidates are ordered by SOURCE_ORDER, then by method in the order of ``methods``, then by the
    method's own ranking; nothing is merged. ``score`` is the cosine of text and target by CLIP.
    ``tokens`` counts the whole text, even if the encoder reads only its beginning; ``bits`` is
    ``description_length.count_text_bits``. Captioners run once, for ``caption`` and ``interrogate``
    together. Raises ConfigError for an unknown method.
    """
    check_methods(methods)
    if {"caption", "interrogate"} & set(methods) and inputs and inputs[0].captioners:
        captions = _list_captions(inputs)
        inputs = [replace(each, captions=own) for each, own in zip(inputs, captions, strict=True)]
    results: list[dict[str, list[Candidate]]] = [{} for _ in inputs]
    for name in methods:
        if name == "caption" and inputs and inputs[0].captioners:
            found = [list(each.captions) for each in inputs]
        elif name in BATCHED_METHODS:
            found = BATCHED_METHODS[name](inputs)
        else:
            found = [METHODS[name](each) for each in inputs]
        for by_method, candidates in zip(results, found, strict=True):
            by_method[name] = candidates
    return [
        (_make_table(by_method, each), {name: len(group) for name, group in by_method.items()})
        for by_method, each in zip(results, inputs, strict=True)
    ]


def _make_table(
    by_method: dict[str, list[Candidate]], recovery_input: RecoveryInput
) -> pd.DataFrame:
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
    return make_typed_frame(rows, PROMPTS)
