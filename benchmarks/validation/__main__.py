"""Validates findings on images whose true answer is known, and writes the page.

    .venv/bin/python -m benchmarks.validation docs/validation.md docs/validation.json [--parts …]

A part is a lab under one budget, such as `lab-160`. The images are written under names that tell
nothing. `blind_judgement.py` judges them in a process of its own that never reads the truth; only
then are its findings compared with the truth. Held-out images are split by hash: the first are
controls, the others are judged. Samples and scores stay in `data/validation/`, so an interrupted
run can go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.shared.budgets import STEPS_BY_BUDGET
from benchmarks.shared.groups import HELD_OUT, PLANTED
from benchmarks.shared.labs import (
    LABS,
    image_alias,
    images_by_group,
    training_images,
    write_aliased_images,
)
from benchmarks.shared.measurement import run_benchmark, write_page
from benchmarks.validation.error_rates import validation_figures
from benchmarks.validation.finding_plots import write_plots
from benchmarks.validation.page import render_page
from seedlab.ground_truth import PictureRecord
from seedlab.lab_folder import Lab, open_lab
from seedwitness.runtime.files import replace_whole
from seedwitness.verdict.conclusion import RULE

SCRATCH = Path("data/validation")
NUM_CONTROLS, NUM_SEEN_ONCE = 100, 48
PARTS = {f"{path.name}-{budget}": (path, budget) for path in LABS for budget in STEPS_BY_BUDGET}


def select_images(lab: Lab) -> tuple[dict[str, list[PictureRecord]], list[PictureRecord]]:
    """The images to judge, by group, and the controls, which are judged nowhere."""
    groups = images_by_group(lab)
    controls = groups[HELD_OUT][:NUM_CONTROLS]
    return {
        **{group: groups[group] for group in PLANTED},
        "once": groups["once"][:NUM_SEEN_ONCE],
        "twins": groups["twins"],
        HELD_OUT: groups[HELD_OUT][NUM_CONTROLS:],
    }, controls


def write_questions(
    lab: Lab, groups: Mapping[str, Sequence[PictureRecord]], controls: Sequence[PictureRecord]
) -> Path:
    """Write the folder to judge: questions, controls and corpus, without a word of the truth."""
    folder = SCRATCH / lab.name
    questions = [row for rows in groups.values() for row in rows]
    write_aliased_images(lab, questions, folder / "questions")
    write_aliased_images(lab, controls, folder / "controls")
    write_aliased_images(lab, training_images(lab), folder / "corpus")
    return folder


def measure_part(part: str, docs: Path) -> dict[str, Any]:
    """Write the questions, have them judged, compare with the truth, and plot.

    Every finding is written to ``validation/PART.parquet`` beside the page.
    """
    path, budget = PARTS[part]
    lab = open_lab(path)
    groups, controls = select_images(lab)
    folder = write_questions(lab, groups, controls)
    judgement = run_benchmark(
        "validation.blind_judgement",
        *(str(folder), "--lab", str(path)),
        *("--scratch", str(folder), "--budget", str(budget)),
    )
    truth = {image_alias(row): group for group, rows in groups.items() for row in rows}
    rows = [{**row, "group": truth[row["picture"]]} for row in judgement["findings"]]
    settings = ("device", "checkpoints", "controls", "search", "judge")
    figures = {
        "lab": lab.name,
        "rule": RULE,
        **{key: judgement[key] for key in settings},
        **validation_figures(judgement, rows, list(groups), judgement["judge"]["alpha"]),
    }
    write_plots(part, figures, docs / "images" / "validation")
    with replace_whole(docs / "validation" / f"{part}.parquet") as table:
        pd.json_normalize(rows).to_parquet(table, index=False)
    return figures


if __name__ == "__main__":
    write_page(__doc__ or "", PARTS, measure_part, render_page)
