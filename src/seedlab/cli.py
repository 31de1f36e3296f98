"""The commands of ``seedlab``: one a stage of the pipeline, and a few for people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seedwitness.commands.errors import PlainErrors
from seedwitness.errors import ConfigError, WriteError

app = typer.Typer(
    name="seedlab",
    cls=PlainErrors,
    help="Draw pictures and train small checkpoints whose true answers are known.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

HOME = Path("data/lab")
PAGE = Path("docs/lab.md")
STAGES = "Stages, run by `dvc repro` in the lab's directory"

Home = Annotated[Path, typer.Option("--lab", metavar="DIR", help="The lab's directory.")]
Here = Home


@app.callback()
def main(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of every error.")
    ] = False,
) -> None:
    """Draw pictures and train small checkpoints whose true answers are known."""


@app.command()
def draw(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to; must be free.")],
    split: Annotated[
        list[str] | None,
        typer.Option("--split", help="once, planted, held_out or twin; may be given again."),
    ] = None,
    times: Annotated[
        int | None, typer.Option("--times", help="Only those that a training sees so often.")
    ] = None,
    lab: Home = HOME,
) -> None:
    """Draw a lab's pictures again, bit for bit, as an ImageFolder."""
    from seedlab import settings, truth
    from seedlab.pictures import SPLITS, TRUTH, compare, world, write_folder
    from seedwitness.runtime.cores import available_cores

    splits = set(split or SPLITS)
    if unknown := sorted(splits - set(SPLITS)):
        raise ConfigError(f"No split is called {unknown[0]!r}. Known are: {', '.join(SPLITS)}.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise WriteError(f"{out} is there already and not empty. Choose another directory.")
    described = settings.load(lab / settings.FILE_NAME)
    made = write_folder(world(described, available_cores(), splits, times=times), out)
    if not (lab / TRUTH).exists():
        typer.echo(f"{len(made)} pictures in {out}. There is no {lab / TRUTH} to check them with.")
        return
    compare(made, truth.read(lab / TRUTH), lab)
    typer.echo(f"{len(made)} pictures in {out}, bit for bit those that {lab / TRUTH} records.")


@app.command()
def new(
    lab: Annotated[Path, typer.Argument(metavar="DIR", help="The new lab's directory.")],
    pictures: Annotated[
        Path,
        typer.Option("--pictures", metavar="FOLDER", help="Pictures with a metadata.jsonl."),
    ],
    size: Annotated[int, typer.Option("--size", help="Pixels a side: 32, 64, 128 or 256.")] = 64,
) -> None:
    """Make a lab that trains on any folder of pictures."""
    from seedlab import new as module
    from seedwitness.runtime.cores import available_cores

    module.new(lab, pictures, size, available_cores())
    typer.echo(f"{lab} is ready. Look at {lab / 'params.yaml'}, then run `dvc repro` in {lab}.")


@app.command(rich_help_panel=STAGES)
def pictures(lab: Here = Path()) -> None:
    """Draw or read the pictures and write down the truth."""
    from seedlab import stages

    typer.echo(stages.pictures(lab), err=True)


@app.command(rich_help_panel=STAGES)
def autoencoder(lab: Here = Path()) -> None:
    """Train the autoencoder."""
    from seedlab import stages

    stages.autoencoder(lab)


@app.command(rich_help_panel=STAGES)
def checkpoint(
    name: Annotated[str, typer.Argument(help="lab-memorised or lab-clean.")], lab: Here = Path()
) -> None:
    """Train one of the two checkpoints."""
    from seedlab import stages

    stages.checkpoint(lab, name)


@app.command(rich_help_panel=STAGES)
def clip(lab: Here = Path()) -> None:
    """Train the open_clip model."""
    from seedlab import stages

    stages.clip(lab)


@app.command(rich_help_panel=STAGES)
def descriptor(lab: Here = Path()) -> None:
    """Train the copy-detection descriptor."""
    from seedlab import stages

    stages.descriptor(lab)


@app.command(rich_help_panel=STAGES)
def distance(lab: Here = Path()) -> None:
    """Train the perceptual distance."""
    from seedlab import stages

    stages.distance(lab)


@app.command(rich_help_panel=STAGES)
def measure(lab: Here = Path()) -> None:
    """Measure what was trained."""
    from seedlab import stages

    stages.measure(lab)


@app.command()
def report(
    lab: Home = HOME,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The page to write.")] = PAGE,
) -> None:
    """Write what was measured on a lab as a page with plots."""
    from seedlab import report as module
    from seedlab.home import opened

    module.run(opened(lab), out)
    typer.echo(f"Written: {out}")
