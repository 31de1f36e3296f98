"""The page on tools: which samplers give the pictures of which tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.shared.markdown import describe_place, format_table

TEMPLATE = Path(__file__).with_name("interop.md")
PLACE = "<!-- measured -->\n"
SUMMARY = "<!-- summary -->\n"
BAR = 0.9995
"""The share of values that have to be identical."""

Row = Mapping[str, Any]


def render_page(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """The page with its summary and its tables."""
    tables = "".join(_describe_part(part, figures[part]) for part in figures)
    text = TEMPLATE.read_text(encoding="utf-8")
    return text.replace(PLACE, tables).replace(SUMMARY, _summarise(figures))


def is_within_bar(row: Row) -> bool:
    """Whether every value is within one level, and enough are identical."""
    return bool(row["largest"] <= 1 and 1 - row["different"] / row["values"] >= BAR)


def _summarise(figures: Mapping[str, Mapping[str, Any]]) -> str:
    lines = []
    for part, measured in figures.items():
        rows: Sequence[Row] = measured["rows"]
        equal = sum(row["is_equal"] and not row["different"] for row in rows)
        near = sum(is_within_bar(row) for row in rows)
        lines.append(
            f"- {part}: {equal} of {len(rows)} pairs are equal in every bit and pixel, {near} are "
            "within the bar.\n"
        )
    return "".join(lines) + "\n"


def _describe_part(part: str, measured: Mapping[str, Any]) -> str:
    rows: Sequence[Row] = measured["rows"]
    machine = measured["machine"]
    return (
        f"### {part}\n\n"
        f"{measured['steps']} steps, guidance {measured['guidance']:g}, seed {measured['seed']}, "
        "on `lab-memorised`.\n\n"
        + format_table(
            ["sampler", "format", "latents", "values that differ", "largest", "within the bar"],
            [
                (
                    f"`{row['sampler']}`",
                    row["dtype"],
                    "equal" if row["is_equal"] else f"{row['latents']:.0e}",
                    f"{100 * row['different'] / row['values']:.2f} %",
                    row["largest"],
                    "yes" if is_within_bar(row) else "no",
                )
                for row in rows
            ],
        )
        + f"Measured on {describe_place(machine)}.\n\n"
    )
