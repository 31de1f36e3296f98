"""Search tables of captions, URLs and hashes as they are, by DuckDB: no index, no vectors.

For whoever has the parquet files of LAION, Re-LAION or COYO and nothing else. Every file is read;
what could not be read, or was not reached in time, is counted, and the share that was searched is
part of the answer.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from seedwitness.errors import ConfigError, RecordError
from seedwitness.records.table_search import TableAnswer, TableMatch

CAPTION_COLUMNS = ("caption", "text", "alt_text", "alt")
URL_COLUMNS = ("url", "image_url")
PHASH_COLUMNS = ("image_phash", "phash")
HASH_COLUMNS = {"md5": ("md5", "image_md5", "hash_md5"), "sha256": ("sha256", "image_sha256")}
MAX_PHASH_DISTANCE = 6
"""Bits of pHash up to which a row is a match. Tools compute pHash in different ways, so a picture
may be further than that from its own row; it is one hint, and not the only one."""

MAX_PATTERN = 200
"""Characters of a text that is searched as a pattern; longer ones make patterns too large."""

MEMORY_LIMIT = "1500MB"
LISTED_ROWS = 20


class TableQuery(NamedTuple):
    """What is searched for, each apart: a text in captions, a URL, hashes of a file, a pHash."""

    text: str = ""
    url: str = ""
    file_hashes: Mapping[str, str] = {}
    """By name: ``md5``, ``sha256``."""
    phash: str = ""


@dataclass(frozen=True)
class _Table:
    path: Path
    rows: int
    columns: Mapping[str, str]
    """By question (``caption``, ``url``, ``md5``, …) the name of the column."""
    has_whole_phash: bool
    """Whether pHash is stored as a whole number; else it is hexadecimal text."""


def hash_file(data: bytes) -> dict[str, str]:
    """The hashes of a file by which datasets list their pictures."""
    return {
        "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def search_tables(
    folder: Path,
    query: TableQuery,
    *,
    threads: int = 2,
    max_seconds: float | None = None,
    listed: int = LISTED_ROWS,
) -> TableAnswer:
    """Search all parquet files in ``folder`` (or one file), in the order of their names.

    ``text`` matches captions that contain it, whatever the case. After ``max_seconds`` no further
    file is begun. Raises ConfigError if DuckDB is not installed, RecordError if there is no file,
    or none can be read.
    """
    started = time.monotonic()
    root = folder if folder.is_dir() else folder.parent
    paths = sorted(folder.rglob("*.parquet")) if folder.is_dir() else [folder]
    tables, unreadable = _open_tables(paths, root)
    if not tables:
        seen = next(iter(unreadable.items()), None)
        raise RecordError(
            f"{folder} has no parquet file that can be read"
            f"{f' ({seen[0]}: {seen[1]})' if seen else ''}. Name the folder of the tables."
        )
    questions = _list_questions(query)
    known = {name for table in tables for name in table.columns}
    matches: list[tuple[Any, TableMatch]] = []
    totals = dict.fromkeys(questions, 0) | ({"whole caption": 0} if query.text else {})
    lacking: dict[str, int] = {}
    total = rows_searched = files_searched = 0
    connection = _connect(threads)
    try:
        for table in tables:
            if max_seconds is not None and time.monotonic() - started > max_seconds:
                break
            for name in questions:
                if name not in table.columns and name in known:
                    lacking[name] = lacking.get(name, 0) + table.rows
            asked = [name for name in questions if name in table.columns]
            if asked:
                try:
                    count, counts, found = _search_table(
                        connection, table, root, asked, query, listed
                    )
                except RuntimeError as error:
                    unreadable[_name(table.path, root)] = str(error)
                    continue
                total += count
                for name, each in counts.items():
                    totals[name] += each
                matches = sorted([*matches, *found], key=lambda each: each[0])[:listed]
            rows_searched += table.rows
            files_searched += 1
    finally:
        connection.close()
    return TableAnswer(
        matches=[match for _, match in matches],
        total=total,
        totals=totals,
        rows=sum(table.rows for table in tables),
        rows_searched=rows_searched,
        files=len(paths),
        files_searched=files_searched,
        unreadable=unreadable,
        not_applicable=[name for name in questions if name not in known],
        rows_without_column=lacking,
        seconds=round(time.monotonic() - started, 3),
    )


def _list_questions(query: TableQuery) -> list[str]:
    names = ["caption"] if query.text else []
    names += ["url"] if query.url else []
    names += [name for name in HASH_COLUMNS if query.file_hashes.get(name)]
    names += ["phash"] if query.phash else []
    if not names:
        raise ConfigError("There is nothing to search for: give a text, a URL or a picture.")
    return names


def _connect(threads: int) -> Any:
    try:
        import duckdb
    except ModuleNotFoundError as error:
        raise ConfigError(
            "Tables are searched with DuckDB, which is not installed: `pip install "
            "'seedwitness[lookup]'`."
        ) from error
    return duckdb.connect(
        config={
            "threads": threads,
            "memory_limit": MEMORY_LIMIT,
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )


def _open_tables(paths: Sequence[Path], root: Path) -> tuple[list[_Table], dict[str, str]]:
    """Read the schema of every file: the tables, and which files cannot be read."""
    import pyarrow
    from pyarrow import parquet

    tables, unreadable = [], {}
    for path in paths:
        try:
            about = parquet.read_metadata(path)
            names = about.schema.to_arrow_schema().names
        except (pyarrow.ArrowException, OSError) as error:
            unreadable[_name(path, root)] = str(error)
            continue
        types = {field.name: field.type for field in about.schema.to_arrow_schema()}
        by_lower = {name.lower(): name for name in names}
        columns = {
            question: by_lower[candidate]
            for question, candidates in (
                ("caption", CAPTION_COLUMNS),
                ("url", URL_COLUMNS),
                ("phash", PHASH_COLUMNS),
                *HASH_COLUMNS.items(),
            )
            for candidate in reversed(candidates)
            if candidate in by_lower
        }
        is_whole = "phash" in columns and pyarrow.types.is_integer(types[columns["phash"]])
        tables.append(_Table(path, int(about.num_rows), columns, is_whole))
    return tables, unreadable


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _search_table(
    connection: Any,
    table: _Table,
    root: Path,
    questions: Sequence[str],
    query: TableQuery,
    listed: int,
) -> tuple[int, dict[str, int], list[tuple[Any, TableMatch]]]:
    """Search one file: how many rows match, how many by what, and the best of them.

    Raises RuntimeError if the file is damaged.
    """
    import duckdb

    conditions: dict[str, str] = {}
    values: list[str | int] = []
    for name in questions:
        column = _quote(table.columns[name])
        if name == "caption":
            words = query.text.split()
            if len(query.text) <= MAX_PATTERN:  # faster than lower-case copies of all captions
                conditions[name] = f"regexp_matches({column}, ?, 'i')"
                values.append(r"\s+".join(map(re.escape, words)))
            else:
                conditions[name] = f"contains(lower({column}), ?)"
                values.append(" ".join(words).lower())
        elif name == "url":
            conditions[name] = f"{column} = ?"
            values.append(query.url)
        elif name == "phash":
            distance = _measure_phash(column, table.has_whole_phash)
            conditions[name] = f"{distance} <= {MAX_PHASH_DISTANCE}"
            values.append(int(query.phash, 16))
        else:
            conditions[name] = f"lower({column}) = ?"
            values.append(query.file_hashes[name])
    asked = ", ".join(
        f'coalesce({condition}, false) AS "by {name}"' for name, condition in (conditions.items())
    )
    where = " OR ".join(f'"by {name}"' for name in conditions)
    columns = [
        f"{_quote(table.columns[name])} AS {name}" if name in table.columns else f"'' AS {name}"
        for name in ("caption", "url", "phash")
    ]
    sql = f"""
        WITH rows AS (
            SELECT file_row_number AS number, {", ".join(columns)}, {asked}
            FROM read_parquet(?, file_row_number = true)
        ), found AS MATERIALIZED (SELECT * FROM rows WHERE {where})
        SELECT count(*), {", ".join(f'count(*) FILTER ("by {name}")' for name in conditions)},
            count(*) FILTER (lower(trim(caption)) = ?),
            arg_min(found, CASE WHEN lower(trim(caption)) = ? THEN 0 ELSE 1 END * 1e12 + number,
                {listed})
        FROM found
    """
    whole = " ".join(query.text.lower().split())
    try:
        row = connection.execute(sql, [*values, str(table.path), whole, whole]).fetchone()
    except duckdb.Error as error:
        raise RuntimeError(str(error).splitlines()[0]) from error
    counts = dict(zip(conditions, map(int, row[1:-2]), strict=True))
    if query.text:
        counts["whole caption"] = int(row[-2])
    found = []
    for each in row[-1] or []:
        caption = str(each["caption"] or "")
        is_whole = bool(query.text) and " ".join(caption.lower().split()) == whole
        by = [name for name in conditions if each[f"by {name}"]]
        match = TableMatch(
            file=_name(table.path, root),
            row=int(each["number"]),
            by=by,
            caption=caption,
            url=str(each["url"] or ""),
            is_whole_caption=is_whole,
            phash_distance=_count_bits(each["phash"], query.phash, table)
            if "phash" in by
            else None,
        )
        rank = (not any(name in HASH_COLUMNS for name in by), not is_whole, "phash" not in by)
        found.append(((*rank, match.file, match.row), match))
    return int(row[0]), counts, found


def _measure_phash(column: str, is_whole: bool) -> str:
    """SQL for the differing bits of a pHash, stored as a whole number or as hexadecimal text."""
    value = column if is_whole else f"'0x' || {column}"
    return f"bit_count(xor(try_cast({value} AS UBIGINT), ?::UBIGINT))"


def _count_bits(stored: object, phash: str, table: _Table) -> int:
    value = int(str(stored), 10 if table.has_whole_phash else 16)
    return (value ^ int(phash, 16)).bit_count()


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
