"""Where the rows of a corpus come from, streamed: one module for each kind of source.

A source is a function of a folder that lists its parts in a fixed order. A part is read in one go
and is the unit by which an interrupted build of an index continues. What cannot be used is not an
error of the whole: it is an ``Omission``, which the builder counts and names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seedwitness.corpus.sources import (
    clip_retrieval,
    embedding_files,
    image_folder,
    parquet_rows,
    webdataset,
)
from seedwitness.corpus.sources.items import CorpusItem, Omission, Part
from seedwitness.errors import ConfigError
from seedwitness.runtime.hashes import digest, sha256_file

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["SOURCES", "CorpusItem", "Omission", "Part", "hash_source", "list_parts", "load_picture"]

SOURCES: Mapping[str, Callable[[Path], list[Part]]] = {
    "image-folder": image_folder.list_parts,
    "webdataset": webdataset.list_parts,
    "parquet": parquet_rows.list_parts,
    "clip-retrieval": clip_retrieval.list_parts,
    "embeddings": embedding_files.list_parts,
}
"""By the name of the setting ``corpus.kind``."""

PICTURE_READERS = {"image-folder": image_folder.load_picture, "webdataset": webdataset.load_picture}
"""How the picture of a row is read again; the other kinds hold no pictures."""


def list_parts(kind: str, folder: Path) -> list[Part]:
    """List the parts of a corpus. Raises ConfigError for an unknown kind, PictureError for none."""
    if kind not in SOURCES:
        raise ConfigError(f"corpus.kind: there is no `{kind}`; known: {', '.join(SOURCES)}.")
    return SOURCES[kind](folder)


def load_picture(kind: str, folder: Path, location: str, remedy: str) -> Image.Image | None:
    """Read the picture of one row again; None where this kind of corpus holds no pictures.

    Raises PictureError, which ends in ``remedy``, if the picture is gone or damaged.
    """
    reader = PICTURE_READERS.get(kind)
    return reader(folder, location, remedy) if reader else None


def hash_source(kind: str, folder: Path) -> str:
    """Hash a corpus: of the name and content of every file that its source could read."""
    list_parts(kind, folder)  # names what is missing
    return digest(
        [[path.relative_to(folder).as_posix(), sha256_file(path)] for path in list_files(folder)]
    )


def list_files(folder: Path) -> Iterator[Path]:
    """List all files in a folder that are not hidden, in the order of their names."""
    for path in sorted(folder.rglob("*")):
        is_hidden = any(name.startswith(".") for name in path.relative_to(folder).parts)
        if path.is_file() and not is_hidden:
            yield path
