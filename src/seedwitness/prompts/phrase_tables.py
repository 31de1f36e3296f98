"""Load the tables of phrases that ``interrogate`` uses: CLIP Interrogator's, or our own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from seedwitness.errors import ConfigError
from seedwitness.prompts.recovery_input import PhraseTables, TextEncoder

KINDS = ("artists", "flavors", "mediums", "movements", "trending", "negative")
NEGATIVE = "negative"
OPTIONAL = ("trending", NEGATIVE)
"""Tables that a folder need not have: CLIP Interrogator makes the first from names of sites."""
OWN = Path(__file__).with_name("tables")


def load_tables(folder: Path | None, encoder: TextEncoder) -> PhraseTables:
    """Load ``KIND.txt`` of every kind from a folder, a phrase a line, or our own tables.

    A line of ``artists.txt`` is a name, which becomes "by NAME". Phrases are sorted, so that the
    order of lines has no effect. Raises ConfigError if a table is missing, empty or not UTF-8.
    """
    texts: dict[str, tuple[str, ...]] = {}
    embeddings = {}
    too_long = 0
    for kind in KINDS:
        phrases = set(_read_phrases((folder or OWN) / f"{kind}.txt", kind))
        if kind == "artists":
            phrases = {phrase if phrase.startswith("by ") else f"by {phrase}" for phrase in phrases}
        fitting = [
            phrase
            for phrase in sorted(phrases)
            if encoder.count_tokens(phrase) <= encoder.token_limit
        ]
        too_long += len(phrases) - len(fitting)
        texts[kind] = tuple(fitting)
        embeddings[kind] = encoder.embed(fitting) if fitting else np.empty((0, 0), np.float32)
    return PhraseTables(texts, embeddings, folder.name if folder else "our own tables", too_long)


def read_own_phrases(kind: str) -> list[str]:
    """The phrases of one of our own tables, in the order of its file."""
    return list(_read_phrases(OWN / f"{kind}.txt", kind))


def list_table_files(folder: Path) -> list[Path]:
    """The files of a folder's tables that exist, by kind."""
    return [path for kind in KINDS if (path := folder / f"{kind}.txt").is_file()]


def _read_phrases(path: Path, kind: str) -> Iterable[str]:
    if not path.is_file():
        if kind in OPTIONAL:
            return []
        raise ConfigError(
            f"recover.tables: there is no file {path}. Put CLIP Interrogator's tables there "
            f"({', '.join(f'{each}.txt' for each in KINDS)}), or set it to null for our own."
        )
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"recover.tables: {path} is not UTF-8: {error}. Save the file as UTF-8."
        ) from error
    phrases = [line.strip() for line in lines if line.strip()]
    if not phrases and kind not in OPTIONAL:
        raise ConfigError(f"recover.tables: {path} is empty. It needs one phrase per line.")
    return phrases
