"""Cells and tables of the benchmark pages, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.shared.rates import rate_figures

EXACT_INTERVAL_NOTE = (
    "† Clopper–Pearson interval, because every bootstrap sample gave the same value.\n\n"
)
"""Explains the mark that ``format_tpr`` sets."""


def describe_place(machine: Mapping[str, Any]) -> str:
    """Machine and date of a measurement, with the torch version and a note where recorded."""
    gpu = machine.get("gpu") or "no GPU in use"
    cores = f"{machine['cores']} core{'' if machine['cores'] == 1 else 's'}"
    note = f"; {machine['note']}" if "note" in machine else ""
    torch = f", torch {machine['torch']}" if "torch" in machine else ""
    return f"{machine['processor']}, {cores}, {machine['date']}, {gpu}{torch}{note}"


def format_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table, followed by an empty line."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines) + "\n"


def format_list(items: Iterable[str]) -> str:
    """A bulleted Markdown list, followed by an empty line."""
    return "".join(f"- {item}\n" for item in items) + "\n"


def format_rate(cell: Mapping[str, Any]) -> str:
    """A rate in percent with its n and its 95 % interval."""
    return (
        f"{100 * cell['hits'] / cell['n']:.1f} % ({cell['hits']} of {cell['n']}; "
        f"{100 * cell['low']:.1f} to {100 * cell['high']:.1f} %)"
    )


def format_auc(cell: Mapping[str, Any]) -> str:
    """An AUC with its bootstrap interval; with its sample sizes where that has no width."""
    if cell["low"] == cell["high"]:
        return (
            f"{cell['value']:.3f} (every resample of {cell['positives']} and "
            f"{cell['negatives']} alike)"
        )
    return _with_interval(cell["value"], cell["low"], cell["high"])


def format_tpr(cell: Mapping[str, Any]) -> str:
    """A TPR with its bootstrap interval; with Clopper–Pearson's (†) where that has no width."""
    if cell["low"] == cell["high"]:
        exact = rate_figures(round(cell["value"] * cell["positives"]), cell["positives"])
        return _with_interval(cell["value"], exact["low"], exact["high"]) + " †"
    return _with_interval(cell["value"], cell["low"], cell["high"])


def format_verdict(is_met: bool | None, reason: str = "") -> str:
    """Whether a bar is met, with the reason where it is not; a dash where there is no bar."""
    if is_met is None:
        return "–"
    return "yes" if is_met else f"**no**{': ' if reason else ''}{reason}"


def _with_interval(value: float, low: float, high: float) -> str:
    return f"{value:.3f} ({low:.3f} to {high:.3f})"
