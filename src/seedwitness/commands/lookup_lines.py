"""The result of a lookup as lines to print."""

from __future__ import annotations

from typing import Any

from seedwitness.commands.lookup_result import STATEMENT, LookupResult
from seedwitness.report.wording.numbers import format_percent
from seedwitness.runtime.hashes import printable_json


def format_lines(result: LookupResult) -> list[str]:
    """A result as lines to print: what was searched, the hits, and what they mean."""
    lines = [_describe_search(result), *result.notes]
    if result.hits:
        lines.append(
            f"{'rank':>4} {'cosine':>7} {'pHash':>5} {'PDQ':>4} {'descr.':>6} {'near':>6} "
            f"{'copies':>6}  record"
        )
    for hit in result.hits:
        cells = (
            f"{hit.rank:>4} {_format(hit.similarity, 7)} {_format(hit.phash_distance, 5)} "
            f"{_format(hit.pdq_distance, 4)} {_format(hit.descriptor, 6)} "
            f"{_format(hit.duplicates, 6)} {_format(hit.copies, 6)}"
        )
        copy = f" [copy by {hit.copy_by}]" if hit.copy_by else ""
        lines.append(f"{cells}  {printable_json(hit.caption[:200])}{copy}")
        about = ", ".join(filter(None, (hit.location, hit.url, hit.picture)))
        lines.append(f"{'':46}{printable_json(about)[1:-1]}")
    if not result.hits and result.is_answered:
        lines.append("Nothing was found.")
    return [*lines, STATEMENT]


def _format(value: float | None, width: int) -> str:
    if value is None:
        return f"{'–':>{width}}"
    return f"{value:>{width}}" if isinstance(value, int) else f"{value:>{width}.3f}"


def _describe_search(result: LookupResult) -> str:
    if result.remote is not None:
        answer = result.remote
        if answer.failure:
            tries = "once" if answer.tries == 1 else f"{answer.tries} times"
            return (
                f"{answer.server} did not answer: {answer.detail} ({answer.failure}; asked "
                f"{tries}, {answer.seconds:g} s). Nothing is known of what it holds."
            )
        dropped = sum(answer.dropped.values())
        left_out = f"; {dropped:,} rows of the answer could not be used" if dropped else ""
        return (
            f"{answer.server} answered with {len(answer.matches):,} rows on "
            f"{answer.answered_at}{left_out}."
        )
    if result.tables is not None:
        tables = result.tables
        share = tables["share"]
        of_all = (
            f"{len(tables['unreadable'])} files could not be read, so the share is not known"
            if share is None
            else f"{format_percent(share)} of them"
        )
        totals = ", ".join(f"{name} {count:,}" for name, count in tables["totals"].items())
        return (
            f"Searched {tables['rows_searched']:,} of {tables['rows']:,} rows in "
            f"{tables['files_searched']:,} of {tables['files']:,} files: {of_all}. "
            f"{tables['total']:,} rows match ({totals})." + _describe_missing_columns(tables)
        )
    record = result.index
    assert record is not None
    recall = (
        f"recall at 1 of {format_percent(record.recall_at_1)} on {record.recall_n:,} known items"
        if record.recall_n
        else "recall not measured"
    )
    omitted = "".join(f"; left out: {reason} {count:,}" for reason, count in record.omitted.items())
    return (
        f"Searched {record.rows:,} rows of {record.source} ({record.index}; {recall}{omitted}). "
        f"SHA-256 of its rows: {record.sha256}."
    )


def _describe_missing_columns(tables: dict[str, Any]) -> str:
    parts = [f" No table has a column for {name}." for name in tables["not_applicable"]]
    parts += [
        f" {count:,} rows have no column for {name}."
        for name, count in tables["rows_without_column"].items()
    ]
    return "".join(parts)
