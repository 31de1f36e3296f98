"""Pictures in a folder with metadata as jsonl, CSV or parquet (Hugging Face's ImageFolder).

A row has ``file_name`` and ``text`` (or ``caption``). A row whose picture is missing or damaged is
left out and counted; a picture that no row names is in the corpus without a caption, and counted.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from io import StringIO
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image

from seedwitness.corpus.sources.items import (
    CorpusItem,
    Omission,
    Part,
    describe_file,
    read_caption,
    read_json_object,
    require_folder,
)
from seedwitness.errors import PictureError
from seedwitness.imaging.decoding import decode_image
from seedwitness.imaging.image_folder import EXAMPLE_LINE, METADATA_FILE, PICTURE_SUFFIXES
from seedwitness.runtime.hashes import digest

METADATA_FILES = (METADATA_FILE, "metadata.csv", "metadata.parquet")
PART_ROWS = 1000
CAPTION_COLUMNS = ("text", "caption")

Row = tuple[str, Mapping[str, Any] | None, str]
"""Where a row is, its columns (None if it cannot be read), and why not."""


def list_parts(folder: Path) -> list[Part]:
    """List the parts of a folder: its pictures by name, a thousand at a time.

    Raises PictureError if the folder or its metadata is missing, or no picture is named.
    """
    require_folder(folder, f"the pictures and their {METADATA_FILE}")
    metadata = [folder / name for name in METADATA_FILES if (folder / name).is_file()]
    if not metadata:
        raise PictureError(
            f"{folder} has no {METADATA_FILE} (nor .csv, nor .parquet). Add one with a line for "
            f"each picture: {EXAMPLE_LINE}"
        )
    if len(metadata) > 1:
        raise PictureError(
            f"{folder} has {metadata[0].name} and {metadata[1].name}: remove one of them, because "
            "it is not known which of them holds the captions."
        )
    items, omissions = _read_rows(folder, metadata[0])
    if not items:
        seen = f" ({omissions[0].location}: {omissions[0].detail})" if omissions else ""
        raise PictureError(
            f"{metadata[0]} names no picture that is there{seen}. It needs a line for each "
            f"picture: {EXAMPLE_LINE}"
        )
    parts = []
    for start in range(0, len(items), PART_ROWS):
        chunk = items[start : start + PART_ROWS]
        files = [describe_file(folder / item.location) for item in chunk]
        captions = [item.caption for item in chunk]
        left_out = omissions if start == 0 else []
        parts.append(
            Part(
                chunk[0].location,
                digest([files, captions, [str(each) for each in left_out]]),
                partial(_read_part, left_out, chunk),
            )
        )
    return parts


def load_picture(folder: Path, location: str, remedy: str) -> Image.Image:
    """Decode the picture of a row. Raises PictureError."""
    return decode_image(folder / location, remedy)


def _read_part(
    omissions: Sequence[Omission], items: Sequence[CorpusItem]
) -> Iterator[CorpusItem | Omission]:
    yield from omissions
    yield from items


def _read_rows(folder: Path, metadata: Path) -> tuple[list[CorpusItem], list[Omission]]:
    """Read all rows: those whose file is there, by name, and what is left out."""
    items: dict[str, CorpusItem] = {}
    omissions: list[Omission] = []
    for where, row, trouble in _iter_rows(metadata):
        if row is None:
            omissions.append(Omission("bad-metadata", where, trouble))
            continue
        name = row.get("file_name")
        if not isinstance(name, str) or not name.strip():
            omissions.append(Omission("bad-metadata", where, "no `file_name`"))
            continue
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
            omissions.append(Omission("bad-metadata", where, f"{name} may lie outside the folder"))
            continue
        if str(path) in items:
            omissions.append(Omission("bad-metadata", where, f"{name} is listed already"))
            continue
        if not (folder / path).is_file():
            omissions.append(Omission("no-picture", where, f"there is no {name}"))
            continue
        texts = (row[column] for column in CAPTION_COLUMNS if row.get(column) is not None)
        caption, without = read_caption(next(texts, None), str(path))
        omissions += without
        items[str(path)] = _make_item(folder, str(path), caption, row)
    for file in sorted(folder.rglob("*")):
        location = file.relative_to(folder).as_posix()
        is_hidden = any(part.startswith(".") for part in PurePosixPath(location).parts)
        if file.suffix.lower() not in PICTURE_SUFFIXES or is_hidden or not file.is_file():
            continue
        if location not in items:
            omissions.append(Omission("no-caption", location, f"{metadata.name} does not name it"))
            items[location] = _make_item(folder, location, "", {})
    return [items[name] for name in sorted(items)], omissions


def _make_item(folder: Path, location: str, caption: str, row: Mapping[str, Any]) -> CorpusItem:
    url = row.get("url")
    return CorpusItem(
        location,
        caption,
        url if isinstance(url, str) else "",
        partial(decode_image, folder / location),
    )


def _iter_rows(metadata: Path) -> Iterator[Row]:
    if metadata.suffix == ".parquet":
        yield from _iter_parquet_rows(metadata)
        return
    lines = metadata.read_bytes().splitlines()
    if metadata.suffix == ".csv":
        yield from _iter_csv_rows(metadata)
        return
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield f"{metadata.name}, line {number}", read_json_object(line), ""
        except ValueError as error:
            yield f"{metadata.name}, line {number}", None, str(error)


def _iter_csv_rows(metadata: Path) -> Iterator[Row]:
    # Bytes that are no UTF-8 become lone surrogates, which make the caption of their row a bad one.
    text = metadata.read_bytes().decode("utf-8-sig", errors="surrogateescape")
    reader = csv.DictReader(StringIO(text, newline=""))
    try:
        for row in reader:
            yield f"{metadata.name}, line {reader.line_num}", row, ""
    except csv.Error as error:
        yield f"{metadata.name}, line {reader.line_num}", None, str(error)


def _iter_parquet_rows(metadata: Path) -> Iterator[Row]:
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(metadata)
    except (pyarrow.ArrowException, OSError) as error:
        raise PictureError(f"{metadata} cannot be read as parquet: {error}. Write it again.") from (
            error
        )
    binary = [
        (name, table.schema.field(name)) for name in CAPTION_COLUMNS if name in table.column_names
    ]
    for name, field in binary:  # text that is not UTF-8 is an error of its row only
        if field.type in (pyarrow.string(), pyarrow.large_string()):
            column = table.column(name).cast(pyarrow.large_binary())
            table = table.set_column(table.column_names.index(name), name, column)
    for number, row in enumerate(table.to_pylist()):
        yield f"{metadata.name}, row {number}", row, ""
