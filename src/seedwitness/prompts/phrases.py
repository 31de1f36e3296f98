"""CLIP phrase ranking in the way of CLIP Interrogator (pharmapsychotic, 2022).

Phrases are ranked by the cosine of their embedding with the target's. The best that may open
a prompt is chained greedily with others while the cosine rises. The same target gives the same
prompts: equals (to 1e-6, which is more than float32 rounds off) are ordered by text. No prompt
exceeds the text encoder's limit in real tokens.
"""

from __future__ import annotations

from seedwitness.errors import ConfigError
from seedwitness.prompts.recovery_input import Candidate, Phrasebook, RecoveryInput, Vectors
from seedwitness.prompts.phrasebook import JOINT, parts

DIGITS = 6


def ranked(given: RecoveryInput) -> list[Candidate]:
    """Three candidates: the best single phrase, the greedy chain from it, the plain top phrases.

    Their methods are ``phrases-single``, ``phrases-best`` and ``phrases-fast``, the last two named
    after CLIP Interrogator's modes. Fewer where no phrase opens or extends a prompt. Raises
    ConfigError where there is no phrasebook.
    """
    book = given.phrasebook
    if book is None:
        raise ConfigError(
            "recover.methods: `phrases` needs phrases. Name a file of them as `recover.phrases`, "
            "or run the stage `index`, whose captions it takes otherwise."
        )
    scores = _rounded(book.embeddings, given.image) if book.texts else []
    order = sorted(range(len(book.texts)), key=lambda i: (-scores[i], book.texts[i]))
    found = []
    opening = next((i for i in order if book.opens[i]), None)
    if opening is not None:
        single = book.texts[opening]
        found.append(Candidate(single, "recovered", "phrases-single"))
        chained = chain(single, scores[opening], _extending(book, order), given)
        found.append(Candidate(chained, "recovered", "phrases-best"))
    top = plain(_extending(book, order), given)
    if top:
        found.append(Candidate(top, "recovered", "phrases-fast"))
    return found


def chain(opening: str, score: float, phrases: list[str], given: RecoveryInput) -> str:
    """``opening`` (of cosine ``score``) with the phrases that raise it, the best one each time.

    Every step tries the first ``shortlist`` of ``phrases`` that have no part in common with the
    text yet, and fit. It ends where none raises the cosine, or ``most_phrases`` are chained.
    """
    text, used = opening, set(parts(opening))
    for _ in range(given.most_phrases - 1):
        tried = {
            f"{text}{JOINT}{phrase}": phrase
            for phrase in phrases[: given.shortlist]
            if used.isdisjoint(parts(phrase))
        }
        options = [option for option in tried if given.encoder.count(option) <= given.encoder.limit]
        if not options:
            break
        scores = _rounded(given.encoder.embed(options), given.image)
        best = min(range(len(options)), key=lambda i: (-scores[i], options[i]))
        if scores[best] <= score:
            break
        text, score = options[best], scores[best]
        used.update(parts(tried[text]))
    return text


def plain(phrases: list[str], given: RecoveryInput) -> str:
    """The first ``most_phrases`` of ``phrases``, up to the first that no longer fits."""
    text = ""
    for phrase in phrases[: given.most_phrases]:
        longer = f"{text}{JOINT}{phrase}" if text else phrase
        if given.encoder.count(longer) > given.encoder.limit:
            break
        text = longer
    return text


def _extending(book: Phrasebook, order: list[int]) -> list[str]:
    return [book.texts[i] for i in order if book.extends[i]]


def _rounded(embeddings: Vectors, image: Vectors) -> list[float]:
    return [round(float(score), DIGITS) for score in embeddings @ image]
