"""Make a prompt less specific or word it otherwise, by rules of text alone.

The rules know no grammar: a name is a run of capitalised words, a style is a phrase of our tables
or one with a word such as "palette". So every text that they give is shown beside its figures.
"""

from __future__ import annotations

import re
from functools import cache

from seedwitness.prompts.phrase_tables import read_own_phrases
from seedwitness.prompts.phrasebook import SEPARATOR, split_phrases

LEVELS = ("full", "without proper names", "without style", "subject only", "empty")
"""The specificity ladder, from the most specific to the empty prompt; each implies those above."""

CONNECTORS = (
    *("in the style of", "inspired by", "painted by", "drawn by", "art by", "photo by"),
    *("by", "after", "from", "of", "in", "at", "with"),
)
"""Words that lose their sense without the name that follows them, the longest first."""
PARTICLES = frozenset({"van", "von", "de", "der", "den", "da", "di", "la", "le", "af", "the", "of"})
MEDIA = (
    *("painting", "print", "photograph", "photo", "picture", "image", "drawing", "illustration"),
    *("sketch", "fresco", "mosaic", "etching", "engraving", "poster", "rendering", "render"),
    *("woodcut", "watercolor", "watercolour", "canvas", "paper", "portrait"),
)
STYLE_WORDS = frozenset(
    {*MEDIA, "style", "palette", "colors", "colours", "tones", "mood", "atmosphere", "lighting"}
    | {"art", "artwork", "artstation", "detailed", "resolution", "8k", "4k", "hd"}
)
_MEDIUM_OF = re.compile(rf"^(?:[\w'-]+\s+){{0,3}}?(?:{'|'.join(MEDIA)})\s+(?:of|showing)\s+", re.I)
_IN_STYLE = re.compile(r"\s+(?:in|with)\s+[^,]*\b(?:style|tones|colou?rs|palette)\b[^,]*$", re.I)
_AFTER_SUBJECT = re.compile(
    r"\s+(?:with|in|on|at|by|under|near|beside|behind|before|during|against|from|and)\s.*$", re.I
)


def reduce_prompt(text: str, level: str) -> str:
    """The text at a level of LEVELS. Where a rule would leave nothing it leaves what was before.

    Raises KeyError for another level.
    """
    names = drop_names(text) or text
    style = drop_style(names) or names
    subject = _AFTER_SUBJECT.sub("", (split_phrases(style) or [""])[0]) or style
    return dict(zip(LEVELS, (text, names, style, subject, ""), strict=True))[level]


def drop_names(text: str) -> str:
    """The text without runs of capitalised words, and without the words that led to them.

    A single capitalised word at the very beginning is none: sentences begin so.
    """
    phrases = []
    for number, phrase in enumerate(split_phrases(text)):
        words = phrase.split()
        kept: list[str] = []
        position = 0
        while position < len(words):
            length = _measure_name(words[position:])
            if length == 1 and position == 0 and number == 0:
                length = 0
            if length:
                kept = _drop_connector(kept)
                position += length
            else:
                kept.append(words[position])
                position += 1
        if kept:
            phrases.append(" ".join(kept))
    return SEPARATOR.join(phrases)


def drop_style(text: str) -> str:
    """The text without phrases that say how a picture is made rather than what it shows."""
    phrases = []
    for phrase in split_phrases(text):
        shown = _IN_STYLE.sub("", _MEDIUM_OF.sub("", phrase))
        words = set(re.findall(r"[\w'-]+", shown.lower()))
        if shown and not words & STYLE_WORDS and _without_article(shown) not in _list_styles():
            phrases.append(shown)
    return SEPARATOR.join(phrases)


def reword_prompt(text: str) -> str:
    """The text in other words as far as rules can: the phrases turned round, or a lead before one.

    Empty where there is no text.
    """
    phrases = split_phrases(text)
    if len(phrases) > 1:
        return SEPARATOR.join(reversed(phrases))
    return f"a picture that shows {phrases[0]}" if phrases else ""


def generalise_prompt(text: str) -> str:
    """A generic prompt for what the text shows: its subject alone."""
    return reduce_prompt(text, "subject only")


def _measure_name(words: list[str]) -> int:
    """How many of the first words are one name: capitalised ones, with particles between them."""
    length = 0
    for number, word in enumerate(words, start=1):
        if word[:1].isupper():
            length = number
        elif not length or word not in PARTICLES:
            break
    return length


def _drop_connector(words: list[str]) -> list[str]:
    for connector in CONNECTORS:
        parts = connector.split()
        if [word.lower() for word in words[-len(parts) :]] == parts:
            return words[: -len(parts)]
    return words


def _without_article(text: str) -> str:
    return re.sub(r"^(?:an?|the)\s+", "", text.lower())


@cache
def _list_styles() -> frozenset[str]:
    kinds = ("mediums", "movements", "trending", "flavors")
    return frozenset(_without_article(text) for kind in kinds for text in read_own_phrases(kind))
