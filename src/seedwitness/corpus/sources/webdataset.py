"""Tars as img2dataset writes them: ``00000.tar`` with KEY.jpg, KEY.txt, KEY.json, a parquet beside.

The parquet lists every row that was tried, so that pictures which could not be fetched are counted.
A damaged or half-written tar gives the rows before the damage, and is named.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

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
from seedwitness.imaging.decoding import decode_image_bytes
from seedwitness.imaging.image_folder import PICTURE_SUFFIXES

MAX_MEMBER_BYTES = 256 * 2**20
"""No picture or text of a sample is larger; a forged header could ask for all memory."""

DAMAGE = (tarfile.TarError, EOFError, OSError, zlib.error, ValueError)


def list_parts(folder: Path) -> list[Part]:
    """List the tars of a folder by name. Raises PictureError if there are none."""
    require_folder(folder, "the tars of the dataset")
    tars = sorted(path for path in folder.rglob("*.tar") if not path.name.startswith("."))
    if not tars:
        raise PictureError(f"{folder} has no .tar. Put the tars of the dataset there.")
    parts = []
    for path in tars:
        table = path.with_suffix(".parquet")
        beside = f", {describe_file(table)}" if table.is_file() else ""
        location = path.relative_to(folder).as_posix()
        parts.append(
            Part(location, describe_file(path) + beside, partial(_read_tar, path, location))
        )
    return parts


def load_picture(folder: Path, location: str, remedy: str) -> Image.Image:
    """Decode the picture at ``TAR/MEMBER``. Raises PictureError."""
    name, _, member = location.partition(".tar/")
    path = folder / f"{name}.tar"
    try:
        with tarfile.open(path, "r:") as tar:
            file = tar.extractfile(member)
            data = file.read() if file else b""
    except (*DAMAGE, KeyError) as error:
        raise PictureError(f"{path} does not give {member}: {error}. {remedy}") from error
    return decode_image_bytes(data, location, remedy)


def _read_tar(path: Path, location: str) -> Iterator[CorpusItem | Omission]:
    sample: dict[str, bytes] = {}
    current, seen = "", set[str]()
    damage: Exception | None = None
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                if not member.isfile():
                    continue
                key, _, suffix = member.name.partition(".")
                if key != current:
                    yield from _make_items(location, current, sample)
                    current, sample = key, {}
                if member.size > MAX_MEMBER_BYTES:
                    yield Omission("damaged-picture", f"{location}/{member.name}", "too large")
                    continue
                sample[suffix] = _read_member(tar, member)
                seen.add(key)
            if path.stat().st_size < tar.offset + 2 * tarfile.BLOCKSIZE:
                raise EOFError("it does not end as a tar ends: it may be half-written")
    except DAMAGE as error:
        damage = error
    yield from _make_items(location, current, sample)
    if damage is not None:
        yield Omission("damaged-archive", location, str(damage))
    yield from _list_missing(path, location, seen)


def _read_member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file: IO[bytes] | None = tar.extractfile(member)
    data = file.read() if file else b""
    if len(data) < member.size:
        raise EOFError(f"{member.name} ends after {len(data)} of {member.size} bytes")
    return data


def _make_items(
    location: str, key: str, sample: dict[str, bytes]
) -> Iterator[CorpusItem | Omission]:
    if not sample:
        return
    where = f"{location}/{key}"
    about: dict[str, Any] = {}
    if "json" in sample:
        try:
            about = read_json_object(sample["json"])
        except ValueError as error:
            yield Omission("bad-metadata", f"{where}.json", str(error))
    suffixes = [suffix for suffix in sorted(sample) if f".{suffix.lower()}" in PICTURE_SUFFIXES]
    if not suffixes:
        yield Omission("no-picture", where, str(about.get("error_message") or ""))
        return
    caption, without = read_caption(sample.get("txt", about.get("caption")), where)
    yield from without
    name = f"{where}.{suffixes[0]}"
    url = about.get("url")
    yield CorpusItem(
        name,
        caption,
        url if isinstance(url, str) else "",
        partial(decode_image_bytes, sample[suffixes[0]], name),
    )


def _list_missing(path: Path, location: str, seen: set[str]) -> Iterator[Omission]:
    """The rows of the parquet beside a tar whose pictures are not in it."""
    import pyarrow
    from pyarrow import parquet

    table = path.with_suffix(".parquet")
    if not table.is_file():
        return
    try:
        rows = parquet.read_table(table)
        columns = [name for name in ("key", "status", "error_message") if name in rows.column_names]
        if "key" not in columns:
            yield Omission("bad-metadata", table.name, "it has no column `key`")
            return
        listed = rows.select(columns).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        yield Omission("bad-metadata", table.name, str(error))
        return
    # img2dataset writes nothing into the tar for a row whose download failed.
    names = {key.rpartition("/")[2] for key in seen}
    for row in listed:
        if str(row["key"]) not in names:
            detail = row.get("error_message") or row.get("status") or "not in the tar"
            yield Omission("no-picture", f"{location}/{row['key']}", str(detail))
