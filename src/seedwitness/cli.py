"""The command line, `seedwitness`.

Each group of commands lives with its room and is imported when it is called: the whole stack takes
seconds to import, and `seedwitness --help` should not.
"""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from seedwitness import __version__
from seedwitness.errors import SeedwitnessError


class PlainErrors(TyperGroup):
    """Commands whose mendable errors print as one paragraph on stderr, with exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command; `--debug` lets the error through, with its traceback."""
        try:
            return super().invoke(ctx)
        except SeedwitnessError as error:
            if ctx.params["debug"]:
                raise
            message = Text.assemble(("Error: ", "bold red"), str(error))
            # Not wrapped: a path that is broken over two lines cannot be copied.
            Console(stderr=True).print(message, soft_wrap=True)
            raise typer.Exit(1) from None


app = typer.Typer(
    name="seedwitness",
    cls=PlainErrors,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

# The room's own command group reads the rest of the line, `--help` included.
_PASSED_ON = {
    "allow_extra_args": True,
    "allow_interspersed_args": False,
    "ignore_unknown_options": True,
}


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


@app.command(context_settings=_PASSED_ON, add_help_option=False)
def lab(context: typer.Context) -> None:
    """Draw pictures and train small checkpoints whose true answers are known."""
    from seedwitness.lab.cli import app as lab_app

    lab_app(context.args, prog_name="seedwitness lab")
