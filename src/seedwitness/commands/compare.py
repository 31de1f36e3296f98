"""``seedwitness compare``: states or checkpoints side by side, as a page and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seedwitness.compare.building import compare_sides
from seedwitness.compare.documents import ComparedCase, Comparison, Question
from seedwitness.compare.page import count_findings, render_comparison
from seedwitness.compare.resolution import resolve_sides
from seedwitness.errors import ConfigError
from seedwitness.runtime.files import write_whole

PAGE, DOCUMENT = "index.html", "compare.json"
SHOWN = 20
"""Findings that differ, on the terminal at most."""


@dataclass(frozen=True)
class WrittenComparison:
    """A comparison and the page that shows it."""

    document: Comparison
    page: Path


def write_comparison(arguments: Sequence[str], out: Path, max_images: int) -> WrittenComparison:
    """Compare what the arguments name, and write ``index.html`` and ``compare.json`` to ``out``.

    Raises ConfigError where ``out`` is the report of a target, and as ``resolve_sides`` does.
    """
    if (out / "evidence.json").exists():
        raise ConfigError(f"{out} is the report of a target. Choose another folder with --out.")
    compared = compare_sides(resolve_sides(arguments), max_images)
    write_whole(out / PAGE, render_comparison(compared))
    compared.document.write(out / DOCUMENT)
    return WrittenComparison(compared.document, out / PAGE)


def format_lines(written: WrittenComparison) -> list[str]:
    """The comparison in a few lines."""
    document = written.document
    findings, differing = count_findings(document)
    differences = [
        _format_finding(document, case, question)
        for case in document.cases
        for question in case.differing
    ]
    more = [f"  and {len(differences) - SHOWN} more"] if len(differences) > SHOWN else []
    absences = [
        f"{each.what.capitalize()} {each.name}: not in {', '.join(each.absent)}."
        for each in document.absences
    ]
    missing = [
        f"{each.side}: missing of {each.folder}: {len(each.paths)}. {each.remedy}"
        for each in document.missing
    ]
    return [
        f"{differing} of {findings} findings differ.",
        *differences[:SHOWN],
        *more,
        *absences,
        *missing,
        f"Open {written.page} in a browser.",
    ]


def _format_finding(document: Comparison, case: ComparedCase, question: Question) -> str:
    answers = (
        f"{side.name} {figures.answer(question).finding}"
        for side, figures in zip(document.sides, case.figures, strict=True)
        if figures
    )
    where = f"{case.target} on {case.checkpoint}" if case.checkpoint else case.target
    return f"  {where}, {question}: {', '.join(answers)}"
