"""``index.html``: the comparison as a self-contained page, in the style of the reports."""

from __future__ import annotations

import json
from collections.abc import Sequence

from jinja2 import ChoiceLoader, PackageLoader
from markupsafe import Markup

from seedwitness.compare.building import ComparedSides
from seedwitness.compare.documents import QUESTIONS, ComparedCase, Comparison
from seedwitness.compare.forest import draw_interval, find_reach
from seedwitness.compare.image_grid import ImageGrid
from seedwitness.report.formatting import fold_foreign_text, to_css_class
from seedwitness.report.report_page import make_jinja_environment, render_template

TEMPLATE, SCRIPT = "comparison.html", "compare.js"
HASH_SHOWN = 16

OBSTACLES = {
    "files-missing": "the tables of trials or scores are missing on a side",
    "other-pixels": "the target has other pixels",
    "other-measure": "the distance was measured otherwise: metric, weights, alignment or size",
    "no-shared-recipe": "no recipe was executed on both sides",
    "single-seed": "a single seed is shared, which shows no spread",
}


def render_comparison(compared: ComparedSides) -> str:
    """The page of a comparison."""
    document = compared.document
    jinja = make_jinja_environment()
    loader = jinja.loader
    assert loader is not None
    jinja.loader = ChoiceLoader([PackageLoader("seedwitness.compare"), loader])
    jinja.filters |= {"value": format_value}
    jinja.globals |= {"obstacles": OBSTACLES}
    reaches = {
        metric: find_reach([pair for pair in document.paired if pair.metric == metric])
        for metric in {pair.metric for pair in document.paired}
    }
    cases: dict[str, list[tuple[ComparedCase, ImageGrid]]] = {}
    for case, grid in zip(document.cases, compared.grids, strict=True):
        cases.setdefault(case.target, []).append((case, grid))
    shown = sum(each.shown for each in document.images)
    return render_template(
        jinja,
        TEMPLATE,
        SCRIPT,
        comparison=document,
        by_checkpoint=document.sides[0].kind == "checkpoint",
        cases=cases,
        numbers={target: number for number, target in enumerate(cases, start=1)},
        tags={target: tag_cases([case for case, _ in found]) for target, found in cases.items()},
        causes={target: list_causes(document, target) for target in cases},
        counts=count_findings(document),
        plots=[draw_interval(pair, reaches[pair.metric]) for pair in document.paired],
        reaches=reaches,
        gallery=compared.gallery,
        first_grids={target: find_first_grid(found) for target, found in cases.items()},
        left_out=sum(each.images for each in document.images) - shown,
        shown=shown,
    )


def format_value(value: str | None) -> Markup:
    """A value as JSON, for reading: text without quotes, a hash by its beginning."""
    if value is None:
        return Markup('<span class="pale">none</span>')
    plain = json.loads(value) if value.startswith('"') else value
    if len(plain) == 64 and set(plain) <= set("0123456789abcdef"):
        return Markup('<code title="{}">{}…</code>').format(plain, plain[:HASH_SHOWN])
    return fold_foreign_text(plain)


def tag_cases(cases: Sequence[ComparedCase]) -> str:
    """What the page filters targets by: the findings on any side, and whether they differ."""
    answers = {
        to_css_class(figures.answer(question).finding)
        for case in cases
        for figures in case.figures
        if figures
        for question in QUESTIONS
    }
    return " ".join(sorted(answers | {"differs" for case in cases if case.differing}))


def list_causes(document: Comparison, target: str) -> list[str]:
    """What differs for a target besides its figures, and the first stage with other results."""
    differences = document.differences
    lists = {
        "settings": differences.settings,
        "data": differences.data,
        "environment": differences.environment,
    }
    causes = [
        name
        for name, found in lists.items()
        if any(target in each.targets or not each.targets for each in found)
    ]
    if differences.code:
        causes.append("code")
    stages = [
        each.stage
        for each in differences.results
        if each.differing and (target in each.targets or not each.targets)
    ]
    return causes + [f"results from the stage {stages[0]} on" for _ in stages[:1]]


def find_first_grid(cases: Sequence[tuple[ComparedCase, ImageGrid]]) -> int | None:
    """The place of the first case with images, beside which the target's is; None without any."""
    return next((place for place, (_, grid) in enumerate(cases) if grid.rows), None)


def count_findings(document: Comparison) -> tuple[int, int]:
    """How many findings at least two sides give, and of these how many differ."""
    shared = [case for case in document.cases if sum(map(bool, case.figures)) > 1]
    return len(QUESTIONS) * len(shared), sum(len(case.differing) for case in shared)
