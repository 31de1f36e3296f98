"""Commands for results: one recipe or seed, comparisons, and MLflow."""

from pathlib import Path
from typing import Annotated

import typer

from seedwitness.cli.base import app
from seedwitness.commands import completion


@app.command()
def render(
    recipe: Annotated[
        Path, typer.Argument(help="A recipe as JSON, a report's evidence.json, or a bundle.")
    ],
    checkpoint: Annotated[
        str | None,
        typer.Option("--checkpoint", help="A checkpoint of params.yaml, or of the bundle."),
    ] = None,
    trial: Annotated[
        str | None,
        typer.Option("--trial", help="A trial that the report cites; by default the closest."),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights",
            help="Folder in which the checkpoint is found by its hash; without it params.yaml "
            "says where it is.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="File for the image, a PNG.")] = Path(
        "rendered.png"
    ),
) -> None:
    """Make one image again from its recipe, and compare it with the report.

    The exit code is 1 if they do not agree.
    """
    from contextlib import ExitStack
    from tempfile import TemporaryDirectory

    from seedwitness.bundle.container import is_bundle
    from seedwitness.commands import render, rerun

    with ExitStack() as stack:
        if is_bundle(recipe):
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="seedwitness-")))
            recipe = rerun.lay_out_report(recipe, folder)
        name, reported = render.find_recipe(recipe, checkpoint, trial)
        settings = rerun.find_in_folder(weights, recipe, name) if weights else None
        if reported.trial and trial is None:
            typer.echo(f"Trial {reported.trial}, the closest that the report cites for {name}.")
        result = render.render_recipe(name, reported, out, settings)
    for line in result.lines:
        typer.echo(line)
    if not result.agrees:
        raise typer.Exit(1)


@app.command()
def scan(
    target: Annotated[
        str,
        typer.Argument(
            help="A target, or the path of an image.", autocompletion=completion.complete_target
        ),
    ],
    checkpoint: Annotated[
        str | None,
        typer.Option(
            "--checkpoint",
            help="A checkpoint of params.yaml.",
            autocompletion=completion.complete_checkpoint,
        ),
    ] = None,
    vae: Annotated[
        Path | None,
        typer.Option(
            "--vae",
            help="Folder of an autoencoder, if the checkpoint is unknown.",
        ),
    ] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option("--prompt", help="Prompt to invert under, beside the empty one; repeatable."),
    ] = None,
    rng: Annotated[
        list[str] | None, typer.Option("--rng", help="RNG algorithm, repeatable; or `all`.")
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option("--seeds", help="FROM:TO without TO itself; 0:4294967296 for all."),
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(
            "--draws", help="Draws of each generator to scan; ComfyUI draws a batch from one."
        ),
    ] = None,
    hide: Annotated[
        list[str] | None,
        typer.Option(
            "--hide",
            help="LEFT,TOP,RIGHT,BOTTOM: an area of other origin, such as a watermark; repeatable.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File for the image of a recovered seed, a PNG.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Scan the seed space for the seed that an image was made from.

    An interrupted scan is resumed; other settings or prompts start a new one. The exit code is 0
    whatever the result.
    """
    import json

    if (checkpoint is None) == (vae is None):
        raise typer.BadParameter(
            "Name a checkpoint of params.yaml with --checkpoint, or the folder of an autoencoder "
            "with --vae: one of them."
        )

    from seedwitness.commands import scan

    scan_target = scan.resolve_target(target, prompt or (), hide or ())
    settings = scan.make_scan_settings(len(prompt or ()), rng or (), seeds, draws)
    if vae is not None:
        found = scan.run_autoencoder_scan(scan_target, vae, settings)
        content, lines = found.model_dump(mode="json"), scan.format_autoencoder_lines(found)
    else:
        assert checkpoint is not None
        result = scan.run_scan(scan_target, checkpoint, settings, out)
        content, lines = scan.dump_scan(result), scan.format_lines(result, scan_target.record)
    for line in [json.dumps(content, indent=1)] if as_json else lines:
        typer.echo(line)


@app.command()
def portfolio(
    works: Annotated[
        Path, typer.Argument(help="Folder of works by one author, with metadata.jsonl.")
    ],
    checkpoint: Annotated[
        str,
        typer.Option(
            "--checkpoint",
            help="A checkpoint of params.yaml.",
            autocompletion=completion.complete_checkpoint,
        ),
    ],
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            help="A checkpoint that saw none of the works, or `none`; by default judge.reference.",
            autocompletion=completion.complete_checkpoint,
        ),
    ] = None,
    held_out: Annotated[
        Path | None,
        typer.Option(
            "--held-out",
            help="Folder of comparable images that the checkpoint never saw; by default the "
            "controls.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="File for the finding, JSON.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask of many works at once whether a checkpoint knows them better than held-out images.

    It is no evidence of copying, it is not entered in the log of attempts, and the exit code is 0
    whatever the finding.
    """
    from seedwitness.commands import portfolio

    found = portfolio.examine_portfolio(works, checkpoint, reference, held_out)
    if out:
        found.write(out)
    lines = [found.to_json().rstrip()] if as_json else portfolio.describe_finding(found)
    for line in lines:
        typer.echo(line)


@app.command()
def compare(
    sides: Annotated[
        list[str],
        typer.Argument(
            help="Two or more: revisions of Git, experiments of DVC, `workspace`, bundles, folders "
            "with reports; or checkpoints of the reports here. The first is the base."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Folder for index.html and compare.json.")
    ] = Path("reports/compare"),
    images: Annotated[
        int, typer.Option("--images", min=0, help="Images on the page at most.")
    ] = 2000,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare revisions, bundles, folders or checkpoints: findings, causes, pairs by seed.

    The exit code is 0 whatever differs.
    """
    from seedwitness.commands import compare as module

    written = module.write_comparison(sides, out, images)
    if as_json:
        typer.echo(written.document.to_json(), nl=False)
    else:
        for line in module.format_lines(written):
            typer.echo(line)


@app.command()
def experiments(
    everything: Annotated[
        bool, typer.Option("--all", help="Show every setting and the hash of every file.")
    ] = False,
) -> None:
    """Show DVC's experiments, with their figures and the settings that differ."""
    from seedwitness.commands.experiments import show_experiments

    raise typer.Exit(show_experiments(everything=everything))


@app.command()
def publish() -> None:
    """Show in MLflow what the files hold; what is there already is not published twice."""
    from seedwitness.commands.publish import publish_files

    typer.echo(publish_files())


@app.command()
def ui(
    port: Annotated[int, typer.Option("--port", help="Port on this machine.")] = 5000,
) -> None:
    """Publish the results and show them in MLflow, in a browser on this machine only."""
    from seedwitness.commands.publish import publish_what_there_is
    from seedwitness.config.reading import load_section
    from seedwitness.config.verdicts import TrackingSettings
    from seedwitness.tracking import ui as module

    settings = load_section(TrackingSettings, "tracking")
    if note := publish_what_there_is(settings):
        typer.echo(note, err=True)
    command = module.build_command(settings, port)
    typer.echo(f"Open {module.format_page(settings, port)} in a browser; Ctrl-C ends it.")
    raise typer.Exit(module.run_server(command))
