"""The folder that clip-retrieval's `clip-retrieval inference` writes.

``img_emb/*.npy``, ``text_emb/*.npy`` and ``metadata/*.parquet``. The row of a vector is its
position over the files in the order of their names (METHODS of clip-retrieval), in all three alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from seedwitness.corpus.sources.items import (
    CorpusItem,
    Omission,
    Part,
    describe_file,
    require_folder,
)
from seedwitness.corpus.sources.table_rows import CAPTION_COLUMNS, read_embedded_row
from seedwitness.corpus.sources.vectors import (
    VectorFile,
    find_width,
    open_vector_files,
    split_rows,
)
from seedwitness.errors import RecordError


def list_parts(folder: Path) -> list[Part]:
    """List the parts of a folder: each file of vectors, in pieces.

    Raises RecordError if vectors and metadata have different lengths, or a file is damaged.
    """
    require_folder(folder, "img_emb/, text_emb/ and metadata/")
    images = open_vector_files(sorted((folder / "img_emb").glob("*.npy")))
    texts = open_vector_files(sorted((folder / "text_emb").glob("*.npy")))
    tables = sorted((folder / "metadata").glob("*.parquet"))
    if not images and not texts:
        raise RecordError(
            f"{folder} has no img_emb/*.npy and no text_emb/*.npy. A folder with image.index alone "
            "is looked up as it is: `seedwitness lookup IMAGE --corpus FOLDER`."
        )
    counts = {
        "img_emb": sum(file.rows for file in images),
        "text_emb": sum(file.rows for file in texts),
        "metadata": sum(map(count_rows, tables)),
    }
    present = {name: count for name, count in counts.items() if (folder / name).is_dir()}
    if len(set(present.values())) > 1:
        described = ", ".join(f"{name} {count:,}" for name, count in present.items())
        raise RecordError(
            f"{folder} has different numbers of rows: {described}. Captions would stand beside the "
            "pictures of other rows, so nothing of it is used. Fetch the folder again."
        )
    parts, first = [], 0
    rows, width = RowFiles(tables), find_width([*images, *texts])
    for number, file in enumerate(images or texts):
        for start, end in split_rows(file.rows):
            key = f"{describe_file(file.path)} {start} {end}"
            if images and texts:
                key += " " + " ".join(describe_file(each.path) for each in texts)
            key += " " + " ".join(map(describe_file, tables))
            read = partial(_read_rows, images, texts, rows, first + start, first + end, width)
            parts.append(Part(f"{file.path.name}#{start}", f"{number} {key}", read))
        first += file.rows
    return parts


def count_rows(table: Path) -> int:
    """Count the rows of a parquet file. Raises RecordError if it is damaged."""
    import pyarrow
    from pyarrow import parquet

    try:
        return int(parquet.read_metadata(table).num_rows)
    except (pyarrow.ArrowException, OSError) as error:
        raise RecordError(
            f"{table} cannot be read as parquet: {error}. It may be half-written: fetch it again."
        ) from error


class RowFiles:
    """The rows of several parquet files as one table, read by range."""

    def __init__(self, tables: list[Path]) -> None:
        self.tables = tables
        self.counts = [count_rows(table) for table in tables]

    def read(self, start: int, end: int) -> list[dict[str, Any]]:
        """Read the rows from ``start`` to ``end``, all columns; empty without any file."""
        import pyarrow
        from pyarrow import parquet

        rows: list[dict[str, Any]] = []
        first = 0
        for table, count in zip(self.tables, self.counts, strict=True):
            low, high = max(start, first), min(end, first + count)
            if low < high:
                content = parquet.read_table(table).slice(low - first, high - low)
                for name in CAPTION_COLUMNS:
                    if name in content.column_names:
                        content = _as_bytes(content, name, pyarrow)
                rows += content.to_pylist()
            first += count
        return rows


def _as_bytes(table: Any, name: str, pyarrow: Any) -> Any:
    """Turn a column of text to bytes, so that what is no UTF-8 is an error of its row only."""
    column = table.column(name)
    if column.type not in (pyarrow.string(), pyarrow.large_string()):
        return table
    position = table.column_names.index(name)
    return table.set_column(position, name, column.cast(pyarrow.large_binary()))


def _read_rows(
    images: list[VectorFile],
    texts: list[VectorFile],
    rows: RowFiles,
    start: int,
    end: int,
    width: int,
) -> Iterator[CorpusItem | Omission]:
    columns = [list(_iter_vectors(files, start, end)) for files in (images, texts)]
    about = rows.read(start, end)
    for number in range(end - start):
        location = f"row {start + number}"
        vectors = [column[number] if column else None for column in columns]
        yield from read_embedded_row(about[number] if about else {}, location, vectors, width)


def _iter_vectors(files: list[VectorFile], start: int, end: int) -> Iterator[Any]:
    first = 0
    for file in files:
        low, high = max(start, first), min(end, first + file.rows)
        if low < high:
            yield from file.read(low - first, high - first)
        first += file.rows
