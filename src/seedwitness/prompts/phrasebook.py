"""Load phrases for prompts from a text file, or make them from the captions of the corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set
from pathlib import Path

import numpy as np

from seedwitness.errors import ConfigError
from seedwitness.prompts.recovery_input import Phrasebook, TextEncoder

SEPARATOR = ", "


def split_phrases(text: str) -> list[str]:
    """Split a text at commas, strip the parts, and drop empty ones."""
    stripped = (part.strip() for part in text.split(","))
    return [part for part in stripped if part]


def load_phrasebook(path: Path, encoder: TextEncoder) -> Phrasebook:
    """Load the phrases of a UTF-8 text file, one per line. Each may open or extend a prompt.

    Blank lines are skipped. Raises ConfigError if the file is missing, empty or not UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):
        raise ConfigError(
            f"recover.phrases: there is no file {path}. Put one there, with one phrase per line, "
            "or set it to null, which takes the phrases from the captions of the corpus."
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"recover.phrases: {path} is not UTF-8: {error}. Save the file as UTF-8."
        ) from error
    counts = Counter(line.strip() for line in text.splitlines() if line.strip())
    if not counts:
        raise ConfigError(f"recover.phrases: {path} is empty. It needs one phrase per line.")
    return _make_phrasebook(counts, set(counts), set(counts), encoder, path.name)


def make_caption_phrasebook(captions: Iterable[str], encoder: TextEncoder) -> Phrasebook:
    """Make phrases of whole captions, which may open a prompt, and of their parts at commas.

    The parts may extend a prompt.
    """
    counts: Counter[str] = Counter()
    whole_captions: set[str] = set()
    caption_parts: set[str] = set()
    for caption in captions:
        text = caption.strip()
        phrases = split_phrases(text)
        counts.update({text, *phrases} if text else ())
        whole_captions.update({text} if text else ())
        caption_parts.update(phrases)
    return _make_phrasebook(
        counts, whole_captions, caption_parts, encoder, "captions of the corpus"
    )


def _make_phrasebook(
    counts: Counter[str],
    openings: Set[str],
    extensions: Set[str],
    encoder: TextEncoder,
    source: str,
) -> Phrasebook:
    texts = [text for text in sorted(counts) if encoder.count_tokens(text) <= encoder.token_limit]
    return Phrasebook(
        texts=tuple(texts),
        occurrence_counts=tuple(counts[text] for text in texts),
        can_open=tuple(text in openings for text in texts),
        can_extend=tuple(text in extensions for text in texts),
        embeddings=encoder.embed(texts) if texts else np.empty((0, 0), np.float32),
        source=source,
        too_long_count=len(counts) - len(texts),
    )
