"""Rows of tables that hold a caption, a URL and embeddings, under the names that are in use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seedwitness.corpus.sources.items import CorpusItem, Omission, Vector, read_caption
from seedwitness.corpus.sources.vectors import find_defect

CAPTION_COLUMNS = ("caption", "TEXT", "text")
URL_COLUMNS = ("url", "URL", "image_url")
PATH_COLUMNS = ("image_path", "key")


def first_value(row: Mapping[str, Any], columns: tuple[str, ...]) -> Any:
    """The first of these columns that a row has."""
    return next((row[name] for name in columns if row.get(name) is not None), None)


def read_url(row: Mapping[str, Any]) -> str:
    """The URL of a row; empty where it has none."""
    url = first_value(row, URL_COLUMNS)
    return url if isinstance(url, str) else ""


def read_embedded_row(
    row: Mapping[str, Any], location: str, vectors: Sequence[Vector | None], width: int
) -> Iterator[CorpusItem | Omission]:
    """Read a row with the embeddings of its image and its caption, and what is wrong with it.

    ``vectors`` are these two, None where the source has none; ``width`` is that of the corpus.
    """
    defects = [find_defect(each, width) for each in vectors if each is not None]
    if any(defects):
        yield Omission("bad-vector", location, next(filter(None, defects)))
        return
    caption, without = read_caption(first_value(row, CAPTION_COLUMNS), location)
    yield from without
    image, text = vectors
    yield CorpusItem(location, caption, read_url(row), image_vector=image, text_vector=text)
