"""Write what was measured on a lab as a page with plots; its figures can be read back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from seedlab import plots
from seedlab.measure import FIGURES, FOLDER, SCORES
from seedlab.promises import promises
from seedwitness.errors import PictureError
from seedwitness.runtime.files import replace_whole, write_whole

if TYPE_CHECKING:
    from seedlab.home import Lab

SHEETS = (
    "regenerations-lab-memorised",
    "regenerations-lab-clean",
    "captions-lab-memorised",
    "captions-lab-clean",
)


NOTES = "notes.md"
"""What whoever trained a lab says of its figures: why one fell short, and what would mend it."""


def figures_of(lab: Path) -> dict[str, Any]:
    """The measured figures of a lab. Raises PictureError where nothing was measured yet."""
    file = lab / FOLDER / FIGURES
    if not file.exists():
        raise PictureError(
            f"{file} is missing: this lab was not measured yet. Run `seedlab measure` in "
            f"{lab} (about an hour on two cores), then ask for the report again."
        )
    figures: dict[str, Any] = json.loads(file.read_text())
    return figures


def trainings(logs: Path) -> list[dict[str, Any]]:
    """Of each training its steps, minutes and machine, from its log."""
    out = []
    for file in sorted(logs.glob("*.jsonl")):
        lines = file.read_text().splitlines()
        first, last = json.loads(lines[0]), json.loads(lines[-1])
        out.append(
            {
                "name": file.stem,
                "steps": last["step"],
                "minutes": last["seconds"] / 60,
                "machine": first["gpu"] or f"{first['processor']}, {first['threads']} thread(s)",
                "torch": first["torch"],
            }
        )
    return out


def page(lab: Lab, figures: dict[str, Any], images: str) -> str:
    """The page in Markdown; ``images`` is where its pictures lie, as seen from it."""
    environment = Environment(
        loader=PackageLoader("seedlab"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, not HTML; nothing in it is anybody's text but ours
    )
    return environment.get_template("report.md").render(
        lab=lab,
        promises=promises(figures),
        settings=figures["settings"],
        limits=figures["lab-memorised"]["thresholds"],
        notes=(lab.path / NOTES).read_text("utf-8") if (lab.path / NOTES).exists() else "",
        trainings=trainings(lab.path / "logs"),
        figures_file=f"{FOLDER}/{FIGURES}",
        scores_file=f"{FOLDER}/{SCORES}",
        images=images,
    )


def run(lab: Lab, out: Path) -> None:
    """Write ``out`` (Markdown) and its plots and sheets beside it, from a lab's measurements."""
    figures = figures_of(lab.path)
    images = out.parent / "images" / out.stem
    for sheet in (*SHEETS, "hands") if lab.showable else SHEETS:
        with replace_whole(images / f"{sheet}.png") as part:
            shutil.copyfile(lab.path / FOLDER / f"{sheet}.png", part)
    charts = {"rates": plots.rates(figures), "losses": plots.losses(lab.path / "logs")}
    for name, chart in charts.items():
        with replace_whole(images / f"{name}.png") as part:
            chart.save(str(part), scale_factor=2)
    write_whole(out, page(lab, figures, f"images/{out.stem}"))
