"""Evolve prompts: mutation and crossover at commas, selected by the checkpoint under examination.

After PromptPirate (arXiv 2509.09488) and PromptEvolver (arXiv 2604.06061), which do not publish
their constants. The score is an argument, so that the same algorithm is steered by the denoising
loss or by short regenerations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from seedwitness.prompts.budget import Budget
from seedwitness.prompts.phrasebook import SEPARATOR, split_phrases

Score = Callable[[Sequence[str]], list[float]]
"""Texts to scores, lower is better; the same text always has the same score."""

PARENTS = 8
"""The prompts that have children: the best that are known."""
CHILDREN = 16
MAX_PHRASES = 8
KINDRED = 6
"""The number of phrases with the most words in common, of which one replaces a phrase."""
ATTEMPTS = 50
"""Draws of a child, after which a generation stays smaller: where few texts are possible."""


def evolve_prompts(
    starts: Sequence[str],
    phrases: Sequence[str],
    score: Score,
    cost: int,
    fits: Callable[[str], bool],
    budget: Budget,
    seed: int = 0,
) -> list[tuple[str, float]]:
    """Evolve ``starts`` with ``phrases``; all scored texts with their scores, best first.

    ``cost`` is the NFE of a score, ``fits`` says whether the checkpoint reads a text to its end.
    Each generation keeps the best PARENTS of all texts and draws CHILDREN new ones from them. It
    ends with the budget, or where no new text can be drawn. Equal scores are ordered by text.
    """
    rng = Random(seed)
    scores: dict[str, float] = {}

    def add(texts: Sequence[str]) -> bool:
        new = [text for text in dict.fromkeys(texts) if text not in scores and fits(text)]
        new = new[: budget.count_affordable(cost)]
        if new:
            scores.update(zip(new, score(new), strict=True))
            budget.spend(len(new) * cost, "evolve")
        return bool(new)

    add([*starts, *phrases[:PARENTS]])
    while scores:
        parents = [text for text, _ in rank_texts(scores)[:PARENTS]]
        children: dict[str, None] = {}
        for _ in range(ATTEMPTS):
            child = make_child(parents, phrases, rng)
            if child and child not in scores and fits(child):
                children.setdefault(child)
            if len(children) == CHILDREN:
                break
        if not add(list(children)):
            break
    return rank_texts(scores)


def rank_texts(scores: dict[str, float]) -> list[tuple[str, float]]:
    """Texts with their scores, lowest first, equals by text."""
    return sorted(scores.items(), key=lambda item: (item[1], item[0]))


def make_child(parents: Sequence[str], phrases: Sequence[str], rng: Random) -> str:
    """Draw a new text from ``parents``, best first: one of five changes at commas."""
    parts = split_phrases(choose_by_rank(parents, rng))
    change = rng.choice(("insert", "replace", "kindred", "delete", "cross"))
    place = rng.randrange(len(parts)) if parts else 0
    if change == "cross":
        other = split_phrases(choose_by_rank(parents, rng))
        cut = rng.randrange(len(other) + 1)
        parts = [*parts[: place + 1], *other[cut:]]
    elif change == "delete":
        parts = parts[:place] + parts[place + 1 :]
    elif phrases:
        phrase = choose_by_rank(phrases, rng)
        if change == "kindred" and parts:
            kindred = find_kindred(parts[place], phrases)
            phrase = rng.choice(kindred) if kindred else phrase
        if change == "insert":
            parts.insert(rng.randrange(len(parts) + 1), phrase)
        else:
            parts[place : place + 1] = [phrase]
    return SEPARATOR.join(list(dict.fromkeys(parts))[:MAX_PHRASES])


def choose_by_rank(items: Sequence[str], rng: Random) -> str:
    """One of ``items``, the better the likelier: the smaller of two uniform draws of a rank."""
    return items[min(rng.randrange(len(items)), rng.randrange(len(items)))]


def find_kindred(phrase: str, phrases: Sequence[str]) -> list[str]:
    """The KINDRED other phrases with the most words in common, of those that have any."""
    words = set(phrase.lower().split())
    shared = {each: len(words & set(each.lower().split())) for each in phrases if each != phrase}
    kindred = [each for each, count in shared.items() if count]
    return sorted(kindred, key=lambda each: (-shared[each], each))[:KINDRED]
