"""The command line, `seedwitness`.

Each command is imported when it is called, because all libraries take seconds to import, and
`seedwitness --help` should be fast.
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


def _print_version(requested: bool) -> None:
    if requested:
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
    """Test whether a text-to-image checkpoint can bring an image back."""


Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        help="Hydra overrides: search=default, search.steps=30, +checkpoint@checkpoints.A=B."
    ),
]

Discard = Annotated[
    bool, typer.Option("--discard", help="Discard edits of params.yaml and applied experiments.")
]


@app.command()
def compose(overrides: Overrides = None, discard: Discard = False) -> None:
    """Write params.yaml from conf/, as `dvc exp run -S` does."""
    from seedwitness.config.composition import compose_params

    changed = compose_params(overrides or [], discard=discard)
    typer.echo("params.yaml is updated." if changed else "params.yaml is unchanged.")


@app.command()
def add(
    image: Annotated[Path, typer.Argument(help="Any image that Pillow reads.")],
    name: Annotated[
        str | None,
        typer.Option("--name", help="Name of the target; by default from the file name."),
    ] = None,
    caption: Annotated[
        str | None, typer.Option("--caption", help="The stated prompt of the image.")
    ] = None,
) -> None:
    """Add an image as a target: copy it to data/targets/, list it in conf/, and compose."""
    from seedwitness.commands.add import add_target

    target = add_target(image, name, caption)
    note = "" if target.is_new else " It existed already."
    typer.echo(f"{target.path} is the target {target.name}.{note} `seedwitness run` examines it.")


@app.command()
def run(overrides: Overrides = None, discard: Discard = False) -> None:
    """Compose params.yaml, and run the stages that are out of date by `dvc repro`."""
    from seedwitness.commands import run

    code = run.run_pipeline(overrides or [], discard=discard)
    if code:
        raise typer.Exit(code)
    typer.echo(f"Open {run.OVERVIEW} in a browser.")


@app.command()
def render(
    recipe: Annotated[Path, typer.Argument(help="A recipe as JSON, or a report's evidence.json.")],
    checkpoint: Annotated[
        str | None, typer.Option("--checkpoint", help="A checkpoint of params.yaml.")
    ] = None,
    trial: Annotated[
        str | None, typer.Option("--trial", help="A trial that the report cites.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="File for the image, a PNG.")] = Path(
        "rendered.png"
    ),
) -> None:
    """Make one image again from its recipe, and compare it with the report.

    The exit code is 1 if they do not agree.
    """
    from seedwitness.commands import render

    name, reported = render.find_recipe(recipe, checkpoint, trial)
    result = render.render_recipe(name, reported, out)
    for line in result.lines:
        typer.echo(line)
    if not result.agrees:
        raise typer.Exit(1)


@app.command()
def scan(
    target: Annotated[
        str, typer.Argument(help="A target of params.yaml, or the path of an image.")
    ],
    checkpoint: Annotated[str, typer.Option("--checkpoint", help="A checkpoint of params.yaml.")],
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

    from seedwitness.commands import scan

    scan_target = scan.resolve_target(target, prompt or ())
    settings = scan.make_scan_settings(len(prompt or ()), rng or (), seeds, draws)
    result = scan.run_scan(scan_target, checkpoint, settings, out)
    if as_json:
        typer.echo(json.dumps(scan.dump_scan(result), indent=1))
    else:
        for line in scan.format_lines(result, scan_target.record):
            typer.echo(line)


@app.command()
def plan(
    alpha: Annotated[
        float, typer.Option("--alpha", help="Error rate over all cases together.")
    ] = 0.01,
    power: Annotated[float, typer.Option("--power", help="Probability to see a copy.")] = 0.95,
    rate: Annotated[float, typer.Option("--rate", help="The smallest copy rate to detect.")] = 0.01,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compute how many seeds and controls a study needs, and its cost."""
    from seedwitness.commands import plan

    result = plan.make_plan(alpha, power, rate)
    for line in [plan.format_json(result)] if as_json else plan.format_lines(result):
        typer.echo(line)


@app.command()
def doctor(
    gpu: Annotated[bool, typer.Option("--gpu", help="Ask torch for a GPU; takes seconds.")] = False,
) -> None:
    """Check packages, machine, weights and inputs.

    The exit code is 1 if a required check fails.
    """
    from seedwitness.commands import doctor as module

    checks = module.inspect_installation(gpu=gpu)
    for line in module.format_lines(checks):
        typer.echo(line)
    if any(check.is_required for check in checks):
        raise typer.Exit(1)


config = typer.Typer(name="config", no_args_is_help=True, help="Show, compare and keep settings.")
app.add_typer(config)


@config.command(name="show")
def show_config(
    group: Annotated[
        str | None, typer.Argument(help="A section or an entry: search, judge.metric.")
    ] = None,
) -> None:
    """Print the settings of params.yaml."""
    from seedwitness.commands.config import show_settings

    typer.echo(show_settings(group))


@config.command(name="diff")
def diff_config(
    revision: Annotated[str, typer.Argument(help="A revision of Git.")] = "HEAD",
) -> None:
    """Print the settings that differ from those of a revision."""
    from seedwitness.commands.config import compare_with_revision

    for edit in compare_with_revision(revision):
        typer.echo(edit)


@config.command(name="save")
def save_config(
    name: Annotated[str, typer.Argument(help="Name of the file in conf/experiment/.")],
) -> None:
    """Keep an edited params.yaml, or an applied experiment, as a file of conf/experiment/."""
    from seedwitness.commands.config import save_experiment

    path = save_experiment(name)
    typer.echo(f"Written to {path}: `seedwitness run experiment={name}` uses it.")


@app.command()
def ui(
    port: Annotated[int, typer.Option("--port", help="Port on this machine.")] = 5000,
) -> None:
    """Show the results in MLflow, in a browser on this machine only."""
    from seedwitness.config.reading import load_section
    from seedwitness.config.verdicts import TrackingSettings
    from seedwitness.tracking import ui as module

    settings = load_section(TrackingSettings, "tracking")
    command = module.build_command(settings, port)
    typer.echo(f"Open {module.format_address(port)} in a browser; Ctrl-C ends it.")
    raise typer.Exit(module.run_server(command))


@app.command()
def ledger(
    prune: Annotated[bool, typer.Option("--prune", help="Remove the keys without users.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the cache of latents and scans by key, with sizes, dates and users."""
    from seedwitness.commands import ledger as module

    entries = module.list_ledger()
    for line in [module.format_json(entries)] if as_json else module.format_lines(entries):
        typer.echo(line)
    if prune:
        typer.echo(module.prune(entries), err=True)


@app.command(name="fork-server", hidden=True)
def fork_server(path: str) -> None:
    """Run the fork server; `seedwitness run` starts and ends it."""
    from seedwitness.commands.run import PRELOADED
    from seedwitness.runtime.fork_server import serve

    serve(path, app, PRELOADED)


@app.command()
def stage(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The stage of dvc.yaml.")],
    keys: Annotated[
        list[str] | None, typer.Argument(help="The arguments of the stage: target, checkpoint.")
    ] = None,
) -> None:
    """Run one stage of dvc.yaml in the project's root, as `dvc repro` does when needed."""
    from seedwitness.runtime.fork_server import run_in_fork

    debug = ["--debug"] if context.find_root().params["debug"] else []
    code = run_in_fork([*debug, "stage", name, *(keys or [])])
    if code is not None:
        raise typer.Exit(code)
    from seedwitness.stages import run_stage

    run_stage(name, keys or [])
