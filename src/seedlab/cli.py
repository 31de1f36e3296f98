"""The command line ``seedlab``: one command a stage of the pipeline, and commands for people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seedwitness.commands.errors import PlainErrors
from seedwitness.errors import ConfigError, WriteError

app = typer.Typer(
    name="seedlab",
    cls=PlainErrors,
    help="Draw pictures and train small checkpoints whose training set is known.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DEFAULT_LAB = Path("data/lab")
DEFAULT_PAGE = Path("docs/lab.md")
STAGES = "Stages, run by `dvc repro` in the lab's directory"

LabOption = Annotated[Path, typer.Option("--lab", metavar="DIR", help="Directory of the lab.")]


@app.callback()
def main(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of every error.")
    ] = False,
) -> None:
    """Draw pictures and train small checkpoints whose training set is known."""


@app.command()
def draw(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="New or empty directory to write to.")
    ],
    split: Annotated[
        list[str] | None,
        typer.Option("--split", help="once, planted, held_out or twin; can be repeated."),
    ] = None,
    times: Annotated[
        int | None,
        typer.Option("--times", help="Only pictures that an epoch shows exactly so many times."),
    ] = None,
    lab: LabOption = DEFAULT_LAB,
) -> None:
    """Draw the pictures of a lab again, bit for bit, as an ImageFolder."""
    from seedlab.ground_truth import read_truth
    from seedlab.pictures import (
        SPLITS,
        TRUTH_FILE,
        compare_with_truth,
        make_pictures,
        write_image_folder,
    )
    from seedlab.settings import FILE_NAME, load_settings
    from seedwitness.runtime.cores import count_available_cores

    splits = set(split or SPLITS)
    if unknown := sorted(splits - set(SPLITS)):
        raise ConfigError(f"Unknown split {unknown[0]!r}. Known are: {', '.join(SPLITS)}.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise WriteError(f"{out} exists and is not empty. Choose another directory.")
    settings = load_settings(lab / FILE_NAME)
    rows = write_image_folder(
        make_pictures(settings, count_available_cores(), splits, times=times), out
    )
    truth_file = lab / TRUTH_FILE
    if not truth_file.exists():
        typer.echo(f"{len(rows)} pictures in {out}. They are unchecked: {truth_file} is missing.")
        return
    compare_with_truth(rows, read_truth(truth_file), lab)
    typer.echo(f"{len(rows)} pictures in {out}, bit for bit those that {truth_file} records.")


@app.command()
def new(
    lab: Annotated[Path, typer.Argument(metavar="DIR", help="Directory of the new lab.")],
    pictures: Annotated[
        Path,
        typer.Option("--pictures", metavar="FOLDER", help="Pictures with a metadata.jsonl."),
    ],
    size: Annotated[int, typer.Option("--size", help="Pixels a side: 32, 64, 128 or 256.")] = 64,
) -> None:
    """Create a lab that trains on any folder of pictures."""
    from seedlab.scaffold import create_lab
    from seedwitness.runtime.cores import count_available_cores

    create_lab(lab, pictures, size, count_available_cores())
    typer.echo(f"{lab} is ready. Check {lab / 'params.yaml'}, then run `dvc repro` in {lab}.")


@app.command(rich_help_panel=STAGES)
def pictures(lab: LabOption = Path()) -> None:
    """Draw or read the pictures and write the ground truth."""
    from seedlab import stages

    typer.echo(stages.run_pictures(lab), err=True)


@app.command(rich_help_panel=STAGES)
def autoencoder(lab: LabOption = Path()) -> None:
    """Train the autoencoder."""
    from seedlab import stages

    stages.run_autoencoder(lab)


@app.command(rich_help_panel=STAGES)
def checkpoint(
    name: Annotated[str, typer.Argument(help="lab-memorised or lab-clean.")],
    lab: LabOption = Path(),
) -> None:
    """Train one of the two checkpoints."""
    from seedlab import stages

    stages.run_checkpoint(lab, name)


@app.command()
def reference(
    name: Annotated[str, typer.Argument(help="A name under `references` in params.yaml.")],
    lab: LabOption = Path(),
) -> None:
    """Train a further checkpoint of a drawn world into references/, outside of Git."""
    from seedlab import stages

    stages.run_reference(lab, name)


@app.command(rich_help_panel=STAGES)
def clip(lab: LabOption = Path()) -> None:
    """Train the open_clip model."""
    from seedlab import stages

    stages.run_clip(lab)


@app.command(rich_help_panel=STAGES)
def descriptor(lab: LabOption = Path()) -> None:
    """Train the copy-detection descriptor."""
    from seedlab import stages

    stages.run_descriptor(lab)


@app.command(rich_help_panel=STAGES)
def distance(lab: LabOption = Path()) -> None:
    """Train the perceptual distance."""
    from seedlab import stages

    stages.run_distance(lab)


@app.command(rich_help_panel=STAGES)
def attributes(lab: LabOption = Path()) -> None:
    """Train the classifier of subjects, palettes and hands of a drawn world."""
    from seedlab import stages

    stages.run_attributes(lab)


@app.command(rich_help_panel=STAGES)
def measure(lab: LabOption = Path()) -> None:
    """Measure the trained checkpoints and networks."""
    from seedlab import stages

    stages.run_measure(lab)


@app.command()
def report(
    lab: LabOption = DEFAULT_LAB,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The page to write.")
    ] = DEFAULT_PAGE,
) -> None:
    """Write the measurements of a lab as a page with plots."""
    from seedlab.lab_folder import open_lab
    from seedlab.report import write_report

    write_report(open_lab(lab), out)
    typer.echo(f"Written: {out}")
