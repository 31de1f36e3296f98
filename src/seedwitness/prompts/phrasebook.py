"""Phrases to make prompts of: from a text file, or from the captions of the corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set
from pathlib import Path

import numpy as np

from seedwitness.errors import ConfigError
from seedwitness.prompts.recovery_input import Phrasebook, TextEncoder

JOINT = ", "


def parts(text: str) -> list[str]:
    """The comma-separated parts of a text, without the space around them and without empty ones."""
    return [part for part in (each.strip() for each in text.split(",")) if part]


def from_file(path: Path, encoder: TextEncoder) -> Phrasebook:
    """Phrases of a UTF-8 text file, one a line; blank lines are none. Any may open a prompt.

    Raises ConfigError where there is no such file, or nothing in it to read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):
        raise ConfigError(
            f"recover.phrases: there is no file {path}. Put one there, with a phrase a line, or "
            "set it to null: then the captions of the corpus are taken apart."
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"recover.phrases: {path} is not UTF-8: {error}. Save the file as UTF-8."
        ) from error
    counts = Counter(line.strip() for line in text.splitlines() if line.strip())
    if not counts:
        raise ConfigError(f"recover.phrases: {path} is empty. It needs a phrase a line.")
    return _book(counts, set(counts), set(counts), encoder, path.name)


def from_captions(captions: Iterable[str], encoder: TextEncoder) -> Phrasebook:
    """Whole captions, which may open a prompt, and their comma-separated parts, to extend it."""
    counts: Counter[str] = Counter()
    whole: set[str] = set()
    pieces: set[str] = set()
    for caption in captions:
        text = caption.strip()
        apart = parts(text)
        counts.update({text, *apart} if text else ())
        whole.update({text} if text else ())
        pieces.update(apart)
    return _book(counts, whole, pieces, encoder, "captions of the corpus")


def _book(
    counts: Counter[str], opens: Set[str], extends: Set[str], encoder: TextEncoder, source: str
) -> Phrasebook:
    texts = [text for text in sorted(counts) if encoder.count(text) <= encoder.limit]
    return Phrasebook(
        texts=tuple(texts),
        counts=tuple(counts[text] for text in texts),
        opens=tuple(text in opens for text in texts),
        extends=tuple(text in extends for text in texts),
        embeddings=encoder.embed(texts) if texts else np.empty((0, 0), np.float32),
        source=source,
        too_long=len(counts) - len(texts),
    )
