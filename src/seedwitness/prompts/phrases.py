"""Rank phrases by CLIP, as CLIP Interrogator does (pharmapsychotic, 2022).

Phrases are ranked by the cosine of their embedding with the target's. The best phrase that may open
a prompt is extended greedily while the cosine rises. The same target gives the same prompts: ties
(within 1e-6, which exceeds the rounding of float32) are ordered by text. No prompt exceeds the text
encoder's limit, counted in its own tokens.
"""

from __future__ import annotations

from seedwitness.errors import ConfigError
from seedwitness.prompts.phrasebook import SEPARATOR, split_phrases
from seedwitness.prompts.recovery_input import Candidate, Phrasebook, RecoveryInput, Vectors

SCORE_DIGITS = 6


def rank_phrases(recovery_input: RecoveryInput) -> list[Candidate]:
    """Make three candidates: the best single phrase, the greedy chain from it, the top phrases.

    Their methods are ``phrases-single``, ``phrases-best`` and ``phrases-fast``; the last two are
    named after CLIP Interrogator's modes. Fewer candidates result if no phrase may open or extend
    a prompt. Raises ConfigError without a phrasebook.
    """
    book = recovery_input.phrasebook
    if book is None:
        raise ConfigError(
            "recover.methods: `phrases` needs phrases. Set `recover.phrases` to a file of them, "
            "or run the stage `index`, whose captions are the default."
        )
    scores = _compute_scores(book.embeddings, recovery_input.image) if book.texts else []
    order = sorted(range(len(book.texts)), key=lambda i: (-scores[i], book.texts[i]))
    candidates = []
    opening = next((i for i in order if book.can_open[i]), None)
    if opening is not None:
        single = book.texts[opening]
        candidates.append(Candidate(single, "recovered", "phrases-single"))
        best = chain_phrases(single, scores[opening], _list_extensions(book, order), recovery_input)
        candidates.append(Candidate(best, "recovered", "phrases-best"))
    fast = join_top_phrases(_list_extensions(book, order), recovery_input)
    if fast:
        candidates.append(Candidate(fast, "recovered", "phrases-fast"))
    return candidates


def chain_phrases(
    opening: str, score: float, phrases: list[str], recovery_input: RecoveryInput
) -> str:
    """Extend ``opening`` (of cosine ``score``) greedily by the phrase that raises it most.

    Every step tries the first ``shortlist`` of ``phrases`` that share no part with the text and do
    not exceed the token limit. It stops when none raises the cosine, or at ``max_phrases`` phrases.
    """
    text, used_parts = opening, set(split_phrases(opening))
    for _ in range(recovery_input.max_phrases - 1):
        phrase_by_text = {
            f"{text}{SEPARATOR}{phrase}": phrase
            for phrase in phrases[: recovery_input.shortlist]
            if used_parts.isdisjoint(split_phrases(phrase))
        }
        options = [
            option
            for option in phrase_by_text
            if recovery_input.encoder.count_tokens(option) <= recovery_input.encoder.token_limit
        ]
        if not options:
            break
        scores = _compute_scores(recovery_input.encoder.embed(options), recovery_input.image)
        best = min(range(len(options)), key=lambda i: (-scores[i], options[i]))
        if scores[best] <= score:
            break
        text, score = options[best], scores[best]
        used_parts.update(split_phrases(phrase_by_text[text]))
    return text


def join_top_phrases(phrases: list[str], recovery_input: RecoveryInput) -> str:
    """Join the first ``max_phrases`` of ``phrases``, up to the first that exceeds the limit."""
    text = ""
    for phrase in phrases[: recovery_input.max_phrases]:
        longer = f"{text}{SEPARATOR}{phrase}" if text else phrase
        if recovery_input.encoder.count_tokens(longer) > recovery_input.encoder.token_limit:
            break
        text = longer
    return text


def _list_extensions(book: Phrasebook, order: list[int]) -> list[str]:
    return [book.texts[i] for i in order if book.can_extend[i]]


def _compute_scores(embeddings: Vectors, image: Vectors) -> list[float]:
    return [round(float(score), SCORE_DIGITS) for score in embeddings @ image]
