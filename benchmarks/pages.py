"""Cells and tables of the pages that benchmarks write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seedwitness.statistics.rates import rate


def place(where: Mapping[str, Any]) -> str:
    """Where and when something was measured, and what else has to be said of that."""
    gpu = where.get("gpu") or "no GPU in use"
    cores = f"{where['cores']} core{'' if where['cores'] == 1 else 's'}"
    note = f"; {where['note']}" if "note" in where else ""
    torch = f", torch {where['torch']}" if "torch" in where else ""
    return f"{where['processor']}, {cores}, {where['date']}, {gpu}{torch}{note}"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows as a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(str(each) for each in line)} |\n" for line in lines) + "\n"


def percent(cell: dict[str, Any]) -> str:
    """A rate with its interval and its n."""
    return (
        f"{100 * cell['hits'] / cell['n']:.1f} % ({cell['hits']} of {cell['n']}; "
        f"{100 * cell['low']:.1f} to {100 * cell['high']:.1f} %)"
    )


def area(found: dict[str, Any]) -> str:
    """An AUC with the bootstrap's interval; where that has no width, with the numbers behind it."""
    if found["low"] == found["high"]:
        return (
            f"{found['value']:.3f} (every resample of {found['positives']} and "
            f"{found['negatives']} alike)"
        )
    return _between(found["value"], found["low"], found["high"])


def share(found: dict[str, Any]) -> str:
    """A TPR with the bootstrap's interval; Clopper and Pearson's where that has no width."""
    if found["low"] == found["high"]:
        exact = rate(round(found["value"] * found["positives"]), found["positives"])
        return _between(found["value"], exact.low, exact.high) + " †"
    return _between(found["value"], found["low"], found["high"])


def _between(value: float, low: float, high: float) -> str:
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


DAGGER = "† Clopper and Pearson's interval, where no resample gave another value.\n\n"
