"""Write the measurements of a lab as a page in Markdown with plots."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from seedlab import plots
from seedlab.bars import check_bars, read_rate
from seedlab.lab_folder import CHECKPOINTS
from seedlab.measure import FIGURES_FILE, MEASUREMENT_FOLDER, SCORES_FILE
from seedlab.settings import WorldPictures
from seedlab.world_bars import check_world_bars
from seedwitness.errors import PictureError
from seedwitness.runtime.files import replace_whole, write_whole

if TYPE_CHECKING:
    from seedlab.lab_folder import Lab

EPOCH_SHEETS = ("regenerations", "captions")
WORLD_SHEETS = ("regenerations", "ordinary", "templates")
"""Sheets of each checkpoint on the page of a lab of epochs, and of a drawn world."""

NOTES_FILE = "notes.md"
"""Remarks on the figures by the person who trained the lab; the page includes them."""


def read_figures(lab: Path) -> dict[str, Any]:
    """The measured figures of a lab. Raises PictureError where there are none yet."""
    file = lab / MEASUREMENT_FOLDER / FIGURES_FILE
    if not file.exists():
        raise PictureError(
            f"{file} is missing: this lab has not been measured. Run `seedlab measure` in {lab} "
            "(about one hour on two cores), then run the report again."
        )
    figures: dict[str, Any] = json.loads(file.read_text())
    return figures


def read_training_logs(logs: Path) -> list[dict[str, Any]]:
    """Steps, minutes, machine and torch version of each training, from its log."""
    trainings = []
    for file in sorted(logs.glob("*.jsonl")):
        lines = file.read_text().splitlines()
        first, last = json.loads(lines[0]), json.loads(lines[-1])
        trainings.append(
            {
                "name": file.stem,
                "steps": last["step"],
                "minutes": last["seconds"] / 60,
                "machine": first["gpu"] or f"{first['processor']}, {first['threads']} thread(s)",
                "torch": first["torch"],
            }
        )
    return trainings


def render_page(lab: Lab, figures: dict[str, Any], images: str) -> str:
    """The page in Markdown; ``images`` is the folder of its images, relative to the page."""
    environment = Environment(
        loader=PackageLoader("seedlab"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, not HTML; all text in it is our own
    )
    is_world = isinstance(lab.settings.pictures, WorldPictures)
    return environment.get_template("world.md" if is_world else "report.md").render(
        lab=lab,
        bars=check_world_bars(figures) if is_world else check_bars(figures),
        templates=list_template_rates(figures) if is_world else [],
        settings=figures["settings"],
        thresholds=figures["lab-memorised"]["thresholds"],
        notes=(lab.path / NOTES_FILE).read_text("utf-8")
        if (lab.path / NOTES_FILE).exists()
        else "",
        trainings=read_training_logs(lab.path / "logs"),
        figures_file=f"{MEASUREMENT_FOLDER}/{FIGURES_FILE}",
        scores_file=f"{MEASUREMENT_FOLDER}/{SCORES_FILE}",
        images=images,
    )


def list_template_rates(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each checkpoint and number of exposures: the rates of ``template_returns``."""
    return [
        {
            "checkpoint": name,
            "exposures": int(exposures),
            **{what: str(read_rate(rate)) for what, rate in rates.items()},
        }
        for name in CHECKPOINTS
        for exposures, rates in figures[name]["templates"].items()
    ]


def write_report(lab: Lab, out: Path) -> None:
    """Write the page ``out`` of a lab, with plots and sheets in ``images/`` beside it."""
    figures = read_figures(lab.path)
    images = out.parent / "images" / out.stem
    is_world = isinstance(lab.settings.pictures, WorldPictures)
    kinds = WORLD_SHEETS if is_world else EPOCH_SHEETS
    sheets = [f"{kind}-{name}" for kind in kinds for name in CHECKPOINTS]
    for sheet in (*sheets, "artists") if lab.is_printable else sheets:
        with replace_whole(images / f"{sheet}.png") as part:
            shutil.copyfile(lab.path / MEASUREMENT_FOLDER / f"{sheet}.png", part)
    charts = {
        "doses" if is_world else "rates": (
            plots.plot_doses(figures) if is_world else plots.plot_rates(figures)
        ),
        "losses": plots.plot_losses(lab.path / "logs"),
    }
    for name, chart in charts.items():
        with replace_whole(images / f"{name}.png") as part:
            chart.save(str(part), scale_factor=2)
    write_whole(out, render_page(lab, figures, f"images/{out.stem}"))
