"""Interrogate CLIP: a caption extended by phrases of tables (CLIP Interrogator, pharmapsychotic,
2022), in its four modes.

Unlike the original the result is the same at every run: phrases are in the order of their texts
where scores tie within 1e-6. No prompt exceeds the encoder's limit, counted in its own tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seedwitness.errors import ConfigError
from seedwitness.prompts.phrase_tables import KINDS, NEGATIVE
from seedwitness.prompts.phrasebook import SEPARATOR
from seedwitness.prompts.recovery_input import Candidate, PhraseTables, RecoveryInput, Vectors

SHORTLIST = 2048
"""The phrases that a chain chooses from."""
MAX_ADDITIONS, FORCED_ADDITIONS = 32, 8
"""Additions to a chain, of which the first are made even without a gain."""
CLASSIC_FLAVORS = 3
SCORE_DIGITS = 6


def interrogate(recovery_input: RecoveryInput) -> list[Candidate]:
    """One candidate for each mode of the settings but ``negative``, the highest cosine first.

    Equal texts are given once. The caption is that of the first captioner; without one the chain
    starts from the phrase of the highest cosine. Raises ConfigError without tables.
    """
    tables = _require_tables(recovery_input)
    caption = recovery_input.captions[0].text if recovery_input.captions else ""
    caption = fit_words(caption, recovery_input)
    texts: dict[str, str] = {}
    made: dict[str, str] = {}
    for mode in ("classic", "fast", "best"):
        if mode in recovery_input.modes or "best" in recovery_input.modes:
            made[mode] = (
                _make_best(recovery_input, tables, caption, made)
                if mode == "best"
                else _make_simple(recovery_input, tables, caption, mode)
            )
    for mode, text in made.items():
        if mode in recovery_input.modes and text:
            texts.setdefault(text, f"interrogate-{mode}")
    scores = dict(zip(texts, _score_texts(recovery_input, list(texts)), strict=True))
    ranked = sorted(texts, key=lambda text: (-scores[text], text))
    return [Candidate(text, "recovered", texts[text]) for text in ranked]


def make_negative_prompt(recovery_input: RecoveryInput) -> str:
    """The mode ``negative``: a chain of the phrases that fit least, and of the negative table.

    Empty where the tables have no phrase. Each addition lowers the cosine, after the forced ones.
    """
    tables = _require_tables(recovery_input)
    flavors, cosines = tables.texts["flavors"], _compute_cosines(recovery_input, "flavors")
    order = sorted(range(len(flavors)), key=lambda i: (cosines[i], flavors[i]))[:SHORTLIST]
    phrases = [*tables.texts[NEGATIVE], *(flavors[i] for i in order)]
    return chain_phrases("", list(dict.fromkeys(phrases)), recovery_input, sign=-1)


def _make_best(
    recovery_input: RecoveryInput, tables: PhraseTables, caption: str, made: dict[str, str]
) -> str:
    """The text of the highest cosine of the caption, the simple modes and the greedy chain."""
    merged = _rank_phrases(recovery_input, tables, [kind for kind in KINDS if kind != NEGATIVE])
    chain = chain_phrases(caption, merged[:SHORTLIST], recovery_input)
    texts = sorted({text for text in (caption, chain, *made.values()) if text})
    scores = _score_texts(recovery_input, texts)
    return max(zip(texts, scores, strict=True), key=lambda pair: pair[1], default=("", 0.0))[0]


def _make_simple(
    recovery_input: RecoveryInput, tables: PhraseTables, caption: str, mode: str
) -> str:
    """``classic``: the best of each table and three flavors; ``fast``: the best of all together."""
    if mode == "classic":
        parts = [
            phrase
            for kind in ("mediums", "artists", "trending", "movements")
            for phrase in _rank_phrases(recovery_input, tables, [kind])[:1]
        ]
        parts += _rank_phrases(recovery_input, tables, ["flavors"])[:CLASSIC_FLAVORS]
    else:
        kinds = [kind for kind in KINDS if kind != NEGATIVE]
        parts = _rank_phrases(recovery_input, tables, kinds)[:MAX_ADDITIONS]
    text = caption
    for part in dict.fromkeys(parts):
        longer = f"{text}{SEPARATOR}{part}" if text else part
        if not _fits(recovery_input, longer):
            break
        text = longer
    return text


def chain_phrases(
    opening: str, phrases: Sequence[str], recovery_input: RecoveryInput, sign: int = 1
) -> str:
    """Extend ``opening`` greedily by the phrase after which ``sign`` × cosine is highest.

    The first FORCED_ADDITIONS are made even where nothing gains; then it ends without a gain, at
    MAX_ADDITIONS, or where no phrase fits.
    """
    text, remaining = opening, list(phrases)
    score = sign * _score_texts(recovery_input, [opening])[0] if opening else -2.0
    for addition in range(MAX_ADDITIONS):
        options = {
            longer: phrase
            for phrase in remaining
            for longer in [f"{text}{SEPARATOR}{phrase}" if text else phrase]
            if _fits(recovery_input, longer)
        }
        if not options:
            break
        texts = list(options)
        scores = [sign * value for value in _score_texts(recovery_input, texts)]
        best = min(range(len(texts)), key=lambda i: (-scores[i], texts[i]))
        if scores[best] <= score and addition >= FORCED_ADDITIONS:
            break
        text, score = texts[best], max(score, scores[best])
        remaining.remove(options[text])
    return text


def fit_words(text: str, recovery_input: RecoveryInput) -> str:
    """The text without its last words as far as the encoder does not read them."""
    words = text.split()
    while words and not _fits(recovery_input, " ".join(words)):
        words.pop()
    return " ".join(words) if len(words) < len(text.split()) else text.strip()


def _require_tables(recovery_input: RecoveryInput) -> PhraseTables:
    if recovery_input.tables is None:
        raise ConfigError(
            "recover.methods: `interrogate` needs tables of phrases. Set `recover.tables` to a "
            "folder of them, or to null for our own."
        )
    return recovery_input.tables


def _rank_phrases(
    recovery_input: RecoveryInput, tables: PhraseTables, kinds: Sequence[str]
) -> list[str]:
    """The phrases of some tables by cosine, highest first, then by text."""
    scores = {
        text: score
        for kind in kinds
        for text, score in zip(
            tables.texts[kind], _compute_cosines(recovery_input, kind), strict=True
        )
    }
    return sorted(scores, key=lambda text: (-scores[text], text))


def _compute_cosines(recovery_input: RecoveryInput, kind: str) -> list[float]:
    tables = _require_tables(recovery_input)
    return _round(tables.embeddings[kind] @ recovery_input.image) if tables.texts[kind] else []


def _score_texts(recovery_input: RecoveryInput, texts: Sequence[str]) -> list[float]:
    return _round(recovery_input.encoder.embed(texts) @ recovery_input.image) if texts else []


def _round(scores: Vectors) -> list[float]:
    return [float(score) for score in np.round(scores.astype(np.float64), SCORE_DIGITS)]


def _fits(recovery_input: RecoveryInput, text: str) -> bool:
    return recovery_input.encoder.count_tokens(text) <= recovery_input.encoder.token_limit
