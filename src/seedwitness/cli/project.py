"""Commands for a project: its targets, its settings, and running it."""

from pathlib import Path
from typing import Annotated

import typer

from seedwitness.cli.base import Discard, Multirun, Overrides, Target, app, refuse_multirun
from seedwitness.commands import completion


@app.command()
def compose(
    overrides: Overrides = None, discard: Discard = False, multirun: Multirun = False
) -> None:
    """Write params.yaml from conf/, as `dvc exp run -S` does."""
    from seedwitness.config.composition import compose_params

    refuse_multirun(multirun)
    changed = compose_params(overrides or [], discard=discard)
    typer.echo("params.yaml is updated." if changed else "params.yaml is unchanged.")


@app.command()
def add(
    images: Annotated[
        list[Path], typer.Argument(help="Image files that Pillow reads, or folders of them.")
    ],
    name: Annotated[
        str | None,
        typer.Option("--name", help="Name of the target; by default from the file name."),
    ] = None,
    caption: Annotated[
        str | None, typer.Option("--caption", help="The stated prompt of the image.")
    ] = None,
    dated: Annotated[
        str | None,
        typer.Option("--dated", help="Day, as 2019-05-01, from which --source shows the image."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", help="What shows it, such as a publication; with --dated."),
    ] = None,
) -> None:
    """Add images as targets: each gets a folder in data/targets/, and DVC keeps the image."""
    from seedwitness.commands.targets import add_targets, read_provenance

    for target in add_targets(images, name, caption, read_provenance(dated, source)):
        note = "" if target.is_new else " It existed already."
        typer.echo(f"{target.path} is the target {target.name}.{note}")
    typer.echo("`seedwitness run` examines every target; `git add data/targets` keeps them.")


@app.command()
def remove(name: Target) -> None:
    """Take a target out of the project, with its results."""
    from seedwitness.commands.targets import remove_target

    removal = remove_target(name)
    typer.echo(
        f"{name} is removed, with its results. What stays: {removal.attempts} entries in the log "
        "of attempts, which the reports of other targets count; its runs in MLflow; and what Git "
        "has committed and DVC has cached, until `dvc gc`."
    )


@app.command()
def rename(
    old: Target,
    new: Annotated[str, typer.Argument(help="Its new name.")],
) -> None:
    """Give a target another name; `seedwitness run` then writes its results under it."""
    from seedwitness.commands.targets import rename_target

    typer.echo(f"{rename_target(old, new)} is the target {new}, which was {old}.")


@app.command()
def run(overrides: Overrides = None, discard: Discard = False, multirun: Multirun = False) -> None:
    """Compose params.yaml, and run the stages that are out of date by `dvc repro`."""
    from seedwitness.commands import run

    refuse_multirun(multirun)
    code = run.run_pipeline(overrides or [], discard=discard)
    if code:
        raise typer.Exit(code)
    for line in run.format_findings():
        typer.echo(line)


@app.command()
def plan(
    alpha: Annotated[
        float, typer.Option("--alpha", help="Error rate over all cases together.")
    ] = 0.01,
    power: Annotated[float, typer.Option("--power", help="Probability of a finding.")] = 0.95,
    rate: Annotated[float, typer.Option("--rate", help="The smallest copy rate to detect.")] = 0.01,
    controls: Annotated[
        int | None, typer.Option("--controls", help="More controls than the fewest.")
    ] = None,
    refused: Annotated[
        float, typer.Option("--refused", help="Share of targets that are refused.")
    ] = 0.0,
    price: Annotated[
        float | None, typer.Option("--price", help="Price of an hour of the machine.")
    ] = None,
    measure: Annotated[
        str | None, typer.Option("--measure", help="Measure the speed of this checkpoint first.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compute how many seeds and controls a finding needs, and the cost."""
    from seedwitness.commands import plan, speed

    if measure:
        speed.measure_speed(measure)
    result = plan.make_plan(alpha, power, rate, controls, price, refused)
    for line in [plan.format_json(result)] if as_json else plan.format_lines(result):
        typer.echo(line)


stamp = typer.Typer(name="stamp", no_args_is_help=True, help="Time stamps of the analysis plan.")
app.add_typer(stamp)


@stamp.command(name="request")
def request_stamp(
    url: Annotated[str, typer.Option("--url", help="Address of the authority, by RFC 3161.")],
    authority: Annotated[
        Path, typer.Option("--authority", help="Its root certificate, and others needed; PEM.")
    ],
) -> None:
    """Have the analysis plan stamped by an authority, which gets its hash and not the plan."""
    from seedwitness.commands import stamp as module

    typer.echo(f"The plan is {module.format_stamp(module.request_stamp(url, authority))}.")


@stamp.command(name="verify")
def verify_stamps(
    authority: Annotated[
        Path | None,
        typer.Option("--authority", help="Certificates to check against; PEM."),
    ] = None,
) -> None:
    """Check the stamps of all plans, without network.

    By default against the certificates that were kept with them.
    """
    from seedwitness.commands import stamp as module

    for line in module.format_lines(module.check_stamps(authority)):
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


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(help="A pickled checkpoint: .ckpt, .bin, .pt.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="The new file; by default beside the old one.")
    ] = None,
) -> None:
    """Write the tensors of a pickled checkpoint as a safetensors file.

    The pickle is scanned, and nothing in it is run.
    """
    from seedwitness.commands.convert import convert_pickle

    typer.echo(f"Written to {convert_pickle(file, out)}.")


config = typer.Typer(name="config", no_args_is_help=True, help="Show, compare and keep settings.")
app.add_typer(config)


@config.command(name="show")
def show_config(
    group: Annotated[
        str | None,
        typer.Argument(
            help="A section or an entry: search, judge.metric.",
            autocompletion=completion.complete_section,
        ),
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
