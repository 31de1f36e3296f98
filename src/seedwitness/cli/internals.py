"""Commands that `dvc repro`, `seedwitness run` and the set-up call."""

from typing import Annotated

import typer

from seedwitness.cli.base import app


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
    from seedwitness.runtime.locks import stage_in_progress
    from seedwitness.stages import run_stage

    with stage_in_progress():
        run_stage(name, keys or [])


@app.command(name="plot-page", hidden=True)
def plot_page() -> None:
    """Write the page of `dvc plots show`; set-up and `seedwitness run` do it."""
    from seedwitness.report.plot_page import write_plot_page

    write_plot_page()


@app.command(name="fork-server", hidden=True)
def fork_server(path: str) -> None:
    """Run the fork server; `seedwitness run` starts and ends it."""
    from seedwitness.commands.run import PRELOADED
    from seedwitness.runtime.fork_server import serve

    serve(path, app, PRELOADED)
