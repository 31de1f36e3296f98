"""The command line, `seedwitness`.

Each group of commands lives with its room and is imported when it is called: the whole stack takes
seconds to import, and `seedwitness --help` should not.
"""

from pathlib import Path
from typing import Annotated

import typer

from seedwitness import __version__
from seedwitness.commands.errors import PlainErrors

app = typer.Typer(
    name="seedwitness",
    cls=PlainErrors,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"seedwitness {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of every error.")
    ] = False,
) -> None:
    """Can this checkpoint bring this image back? Evidence that anyone can rerun."""


Overrides = Annotated[
    list[str] | None,
    typer.Argument(help="Hydra's: search=default, search.steps=30, +checkpoint@checkpoints.A=B."),
]


@app.command()
def compose(overrides: Overrides = None) -> None:
    """Write params.yaml from conf/, as `dvc exp run -S` does."""
    from seedwitness.config.composition import compose_params as composed

    changed = composed(overrides or [])
    typer.echo("params.yaml is new." if changed else "params.yaml was as conf/ has it already.")


@app.command()
def add(
    image: Annotated[Path, typer.Argument(help="Any picture that Pillow reads.")],
    name: Annotated[
        str | None, typer.Option("--name", help="Its name; by default made from the file's own.")
    ] = None,
    caption: Annotated[
        str | None, typer.Option("--caption", help="What its prompt is said to have been.")
    ] = None,
) -> None:
    """Make an image a target: copied to data/targets/, listed in conf/, composed."""
    from seedwitness.commands.add import add_target as added

    target = added(image, name, caption)
    there = "" if target.is_new else " It was there already."
    typer.echo(f"{target.path} is the target {target.name}.{there} `seedwitness run` examines it.")


@app.command()
def run(overrides: Overrides = None) -> None:
    """Compose params.yaml and run what is out of date, by `dvc repro`."""
    from seedwitness.commands import run

    code = run.run_pipeline(overrides or [])
    if code:
        raise typer.Exit(code)
    typer.echo(f"Open {run.OVERVIEW} in a browser.")


@app.command()
def render(
    recipe: Annotated[Path, typer.Argument(help="A recipe as JSON, or a report's evidence.json.")],
    checkpoint: Annotated[
        str | None, typer.Option("--checkpoint", help="One of params.yaml's checkpoints.")
    ] = None,
    trial: Annotated[
        str | None, typer.Option("--trial", help="Which of the trials that the report cites.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Where to write the picture, a PNG.")] = Path(
        "rendered.png"
    ),
) -> None:
    """Make one image again from its recipe, and say whether it agrees with the report.

    Ends with exit code 1 where it does not.
    """
    from seedwitness.commands import render

    name, known = render.find_recipe(recipe, checkpoint, trial)
    rendered = render.render_recipe(name, known, out)
    for line in rendered.lines:
        typer.echo(line)
    if not rendered.agrees:
        raise typer.Exit(1)


@app.command()
def scan(
    target: Annotated[str, typer.Argument(help="A target of params.yaml, or a picture's path.")],
    checkpoint: Annotated[
        str, typer.Option("--checkpoint", help="One of params.yaml's checkpoints.")
    ],
    prompt: Annotated[
        list[str] | None,
        typer.Option("--prompt", help="To invert under, beside the empty one; again for more."),
    ] = None,
    rng: Annotated[
        list[str] | None, typer.Option("--rng", help="A protocol, again for more; or `all`.")
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option("--seeds", help="FROM:TO, up to but not including TO; 0:4294967296 is all."),
    ] = None,
    pictures: Annotated[
        int | None,
        typer.Option("--pictures", help="Of a batch that shares one generator (ComfyUI)."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Where a recovered seed's picture goes, a PNG.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look through the seed space for the seed that an image was made from.

    A scan that was stopped goes on where it was; other settings or prompts begin anew. Ends with
    exit code 0 whatever is found.
    """
    import json

    from seedwitness.commands import scan

    asked = scan.scan_target(target, prompt or ())
    wanted = scan.scan_settings(len(prompt or ()), rng or (), seeds, pictures)
    found = scan.run_scan(asked, checkpoint, wanted, out)
    if as_json:
        typer.echo(json.dumps(scan.as_json(found), indent=1))
    else:
        for line in scan.format_lines(found, asked.target):
            typer.echo(line)


@app.command()
def plan(
    alpha: Annotated[float, typer.Option("--alpha", help="Of all cases together.")] = 0.01,
    power: Annotated[float, typer.Option("--power", help="Chance to see a copy.")] = 0.95,
    rate: Annotated[
        float, typer.Option("--rate", help="At which copies come, if they do: as rare as matters.")
    ] = 0.01,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how many seeds and controls a wanted answer needs, and what that costs."""
    from seedwitness.commands import plan

    found = plan.make_plan(alpha, power, rate)
    for line in [plan.as_json(found)] if as_json else plan.format_lines(found):
        typer.echo(line)


@app.command()
def doctor(
    gpu: Annotated[bool, typer.Option("--gpu", help="Ask torch for a GPU: takes seconds.")] = False,
) -> None:
    """Say what is installed, missing or too old, which weights are where, and what the machine has.

    Ends with exit code 1 where something that is needed is not well.
    """
    from seedwitness.commands import doctor as module

    findings = module.inspect_installation(gpu=gpu)
    for line in module.format_lines(findings):
        typer.echo(line)
    if any(each.is_required for each in findings):
        raise typer.Exit(1)


@app.command()
def ui(
    port: Annotated[int, typer.Option("--port", help="Where on this machine.")] = 5000,
) -> None:
    """Show MLflow's view of the files in a browser, on this machine alone."""
    from seedwitness.config.reading import load_section
    from seedwitness.config.verdicts import TrackingSettings
    from seedwitness.tracking import ui as module

    settings = load_section(TrackingSettings, "tracking")
    line = module.build_command(settings, port)
    typer.echo(f"Open {module.format_address(port)} in a browser; Ctrl-C ends it.")
    raise typer.Exit(module.run_server(line))


@app.command()
def ledger(
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove the keys that nothing uses any more.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List what the cache of latents and scans holds, by key, with sizes and dates."""
    from seedwitness.commands import ledger as module

    entries = module.list_ledger()
    for line in [module.as_json(entries)] if as_json else module.format_lines(entries):
        typer.echo(line)
    if prune:
        typer.echo(module.prune(entries), err=True)


@app.command(name="fork-server", hidden=True)
def fork_server(path: str) -> None:
    """Keep a process that stages are forked from; `seedwitness run` starts it and ends it."""
    from seedwitness.commands.run import PRELOADED
    from seedwitness.runtime.fork_server import serve

    serve(path, app, PRELOADED)


@app.command()
def stage(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The stage of dvc.yaml.")],
    keys: Annotated[list[str] | None, typer.Argument(help="What it is run for.")] = None,
) -> None:
    """Run one stage of dvc.yaml in the project's root; `dvc repro` does so where it is needed."""
    from seedwitness.runtime.fork_server import forward

    debug = ["--debug"] if context.find_root().params["debug"] else []
    code = forward([*debug, "stage", name, *(keys or [])])
    if code is not None:
        raise typer.Exit(code)
    from seedwitness.stages import run_stage

    run_stage(name, keys or [])
