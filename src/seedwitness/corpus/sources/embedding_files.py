"""A folder of ``.npy`` embeddings of pictures, without any text."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from seedwitness.corpus.sources.items import (
    CorpusItem,
    Omission,
    Part,
    describe_file,
    require_folder,
)
from seedwitness.corpus.sources.vectors import (
    VectorFile,
    find_defect,
    find_width,
    open_vector_files,
    split_rows,
)
from seedwitness.errors import RecordError


def list_parts(folder: Path) -> list[Part]:
    """List the files of a folder by name, in pieces. Raises RecordError if one is damaged."""
    require_folder(folder, "the .npy files")
    files = open_vector_files(sorted(folder.rglob("*.npy")))
    if not files:
        raise RecordError(f"{folder} has no .npy. Put the embeddings there.")
    width = find_width(files)
    parts = []
    for file in files:
        name = file.path.relative_to(folder).as_posix()
        for start, end in split_rows(file.rows):
            read = partial(_read_rows, file, name, start, end, width)
            parts.append(Part(f"{name}#{start}", f"{describe_file(file.path)} {start} {end}", read))
    return parts


def _read_rows(
    file: VectorFile, name: str, start: int, end: int, width: int
) -> Iterator[CorpusItem | Omission]:
    for number, vector in enumerate(file.read(start, end), start=start):
        location = f"{name}#{number}"
        if defect := find_defect(vector, width):
            yield Omission("bad-vector", location, defect)
        else:
            yield CorpusItem(location, "", image_vector=vector)
