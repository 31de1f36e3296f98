"""Prompts of each class for one picture: verbatim, reworded, generic, in the wild, recovered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seedwitness.config.prompt_settings import PromptClassSettings
from seedwitness.errors import ConfigError
from seedwitness.prompts.specificity import LEVELS, generalise_prompt, reduce_prompt, reword_prompt
from seedwitness.records.tables import CLASS_RUNG, LEVEL_RUNG


@dataclass(frozen=True)
class PictureTexts:
    """What is known of a picture in words: its caption, and the prompt that was recovered.

    Either may be missing (None).
    """

    caption: str | None
    recovered: str | None


def load_wild_prompts(path: Path | None) -> list[str]:
    """The prompts of a text file, one a line, each once; empty without a file.

    Raises ConfigError if the file is missing, empty or not UTF-8.
    """
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise ConfigError(
            f"reach.classes.wild: there is no file {path}. Put one there, with one prompt per line."
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"reach.classes.wild: {path} is not UTF-8: {error}. Save the file as UTF-8."
        ) from error
    prompts = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not prompts:
        raise ConfigError(f"reach.classes.wild: {path} is empty. It needs one prompt per line.")
    return prompts


def list_class_prompts(
    pictures: Sequence[PictureTexts], settings: PromptClassSettings, wild: Sequence[str]
) -> dict[str, list[list[str]]]:
    """By rung, the prompts of each picture, which its seeds take in turn.

    First the classes of the settings, then LEVELS of the caption, or of the recovered prompt where
    a picture has no caption. A class that some picture lacks is left out: without a caption there
    is none that is verbatim, reworded or generic, and without a list none in the wild.
    """
    rungs: dict[str, list[list[str]]] = {}
    for name in settings.classes:
        prompts = [_make_class(name, each, settings, wild) for each in pictures]
        if pictures and all(prompts):
            rungs[CLASS_RUNG + name] = prompts
    sources = [each.caption or each.recovered or "" for each in pictures]
    if sources and all(sources):
        for level in LEVELS:
            rungs[LEVEL_RUNG + level] = [[reduce_prompt(text, level)] for text in sources]
    return rungs


def choose_wild_prompts(wild: Sequence[str], caption: str, count: int) -> list[str]:
    """The ``count`` prompts with the largest share of words in common (Jaccard), then by text."""
    words = _list_words(caption)

    def overlap(prompt: str) -> float:
        others = _list_words(prompt)
        return len(words & others) / len(words | others) if words | others else 0.0

    return sorted(wild, key=lambda prompt: (-overlap(prompt), prompt))[:count]


def _make_class(
    name: str, picture: PictureTexts, settings: PromptClassSettings, wild: Sequence[str]
) -> list[str]:
    caption, recovered = picture.caption or "", picture.recovered or ""
    if name == "in the wild":
        return choose_wild_prompts(wild, caption or recovered, settings.wild_count)
    text = {
        "verbatim": lambda: caption,
        "reworded": lambda: reword_prompt(caption),
        "generic": lambda: generalise_prompt(caption) if caption else "",
        "recovered": lambda: recovered,
    }[name]()
    return [text] if text else []


def _list_words(text: str) -> set[str]:
    return set(re.findall(r"[\w'-]+", text.lower()))
