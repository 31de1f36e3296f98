"""Parquet files with url and caption, and embeddings in a column of lists.

A table without embeddings cannot be indexed; its captions, URLs and hashes are searched without an
index (``corpus/table_search.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from seedwitness.corpus.sources.clip_retrieval import count_rows
from seedwitness.corpus.sources.items import (
    CorpusItem,
    Omission,
    Part,
    describe_file,
    require_folder,
)
from seedwitness.corpus.sources.table_rows import (
    CAPTION_COLUMNS,
    first_value,
    read_embedded_row,
)
from seedwitness.errors import RecordError

IMAGE_COLUMNS = ("image_embedding", "img_emb", "clip_image_embedding", "embedding")
TEXT_COLUMNS = ("text_embedding", "text_emb", "clip_text_embedding")


def list_parts(folder: Path) -> list[Part]:
    """List the row groups of the parquet files of a folder, by name.

    Raises RecordError if a file is damaged, or none has embeddings.
    """
    import pyarrow.parquet

    require_folder(folder, "the parquet files")
    tables = sorted(folder.rglob("*.parquet"))
    if not tables:
        raise RecordError(f"{folder} has no .parquet. Put the tables there.")
    parts = []
    width = 0
    for path in tables:
        count_rows(path)  # names a damaged file
        file = pyarrow.parquet.ParquetFile(path)
        names = file.schema_arrow.names
        if not any(column in names for column in (*IMAGE_COLUMNS, *TEXT_COLUMNS)):
            raise RecordError(
                f"{path} has no embeddings (a column {IMAGE_COLUMNS[0]} or {TEXT_COLUMNS[0]}), so "
                "there is nothing to index. `seedwitness lookup TEXT --corpus FOLDER` searches its "
                "captions, URLs and hashes as they are."
            )
        width = width or _find_width(file)
        for group in range(file.num_row_groups):
            name = f"{path.relative_to(folder).as_posix()}#{group}"
            read = partial(_read_group, path, name, group, width)
            parts.append(Part(name, f"{describe_file(path)} {group}", read))
    return parts


def _find_width(file: Any) -> int:
    """The length of the first embedding of a table; 0 if it has none."""
    columns = [name for name in (*IMAGE_COLUMNS, *TEXT_COLUMNS) if name in file.schema_arrow.names]
    for batch in file.iter_batches(batch_size=1024, columns=columns):
        for row in batch.to_pylist():
            for vector in row.values():
                if vector:
                    return len(vector)
    return 0


def _read_group(path: Path, name: str, group: int, width: int) -> Iterator[CorpusItem | Omission]:
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(path).read_row_group(group)
        for column in CAPTION_COLUMNS:
            if column in table.column_names and pyarrow.types.is_string(table[column].type):
                position = table.column_names.index(column)
                table = table.set_column(position, column, table[column].cast(pyarrow.binary()))
        rows: list[dict[str, Any]] = table.to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        yield Omission("damaged-archive", name, str(error))
        return
    for number, row in enumerate(rows):
        location = f"{name}.{number}"
        found = [first_value(row, columns) for columns in (IMAGE_COLUMNS, TEXT_COLUMNS)]
        vectors = [None if each is None else np.asarray(each, np.float32) for each in found]
        if all(vector is None for vector in vectors):
            yield Omission("bad-vector", location, "it has no embedding")
            continue
        yield from read_embedded_row(row, location, vectors, width)
