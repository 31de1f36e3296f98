"""The page about bundles: its text is in ``bundle.md``, and the figures of the tampering here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.shared.markdown import describe_place, format_table
from benchmarks.shared.rates import rate_figures

TEMPLATE = Path(__file__).with_name("bundle.md")
PLACE = "<!-- tampering -->\n"
MARKS = ("verify --key", "verify.html", "verify")
TITLES = ("`verify --key`", "`verify.html` with the fingerprint", "`verify` without a key")

Row = Mapping[str, Any]


def render_page(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """The page, with its tables of what was tampered with and found."""
    (series,) = figures.values()
    return TEMPLATE.read_text(encoding="utf-8").replace(PLACE, describe_tampering(series))


def describe_tampering(series: Mapping[str, Any]) -> str:
    """What was done, and how often each verification found it: by way, sealing and class."""
    rows: Sequence[Row] = series["rows"]
    machine = series["machine"]
    size = series["bytes"] / 2**20
    return (
        f"A bundle of {series['files']} files ({size:.1f} MiB) was tampered with {len(rows)} times "
        f"at random (seed {series['seed']}). {_summarise(rows)}\n\n"
        + format_table(["what", *TITLES], _list_rows(rows, "way"))
        + format_table(["sealed again", *TITLES], _list_rows(rows, "sealing"))
        + "By the class of the file that was changed:\n\n"
        + format_table(["class", *TITLES], _list_rows(rows, "kind"))
        + f"An untouched bundle holds for all three; `verify` took {series['verify_seconds']} s "
        f"after its imports. Measured on {describe_place(machine)}, Python {machine['python']}, by "
        "`make bench-bundle`; the figures are in [bundle.json](bundle.json).\n"
    )


def _summarise(rows: Sequence[Row]) -> str:
    sentences = []
    for mark, title in zip(MARKS, TITLES, strict=True):
        found = [row["found"][mark] for row in rows if mark in row["found"]]
        missed = len(found) - sum(found)
        high = 100 * rate_figures(missed, len(found))["high"]
        sentences.append(
            f"{title} missed {missed} of {len(found)} (at most {high:.1f} % at 95 % confidence)."
        )
    return " ".join(sentences)


def _list_rows(rows: Sequence[Row], key: str) -> Iterable[list[str]]:
    for name in sorted({row[key] for row in rows}):
        cells = []
        for mark in MARKS:
            counts = Counter(
                row["found"][mark] for row in rows if row[key] == name and mark in row["found"]
            )
            total = sum(counts.values())
            cells.append(f"{counts[True]} of {total}" if total else "–")
        yield [name, *cells]
