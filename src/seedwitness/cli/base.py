"""The application of the command line, and the arguments that several commands share.

Each command is imported when it is called, because all libraries take seconds to import, and
`seedwitness --help` should be fast.
"""

from typing import Annotated

import typer

from seedwitness import __version__
from seedwitness.commands import completion
from seedwitness.commands.errors import PlainErrors

app = typer.Typer(
    name="seedwitness",
    cls=PlainErrors,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def refuse_multirun(requested: bool) -> None:
    """Raise ConfigError with the way to try several values, where Hydra's is asked for."""
    if requested:
        from seedwitness.config.composition import explain_sweep
        from seedwitness.errors import ConfigError

        raise ConfigError(explain_sweep())


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
        help="Hydra overrides: search=default, search.steps=30, +checkpoint@checkpoints.A=B.",
        autocompletion=completion.complete_override,
    ),
]

Multirun = Annotated[bool, typer.Option("--multirun", "-m", hidden=True)]

Target = Annotated[str, typer.Argument(help="A target.", autocompletion=completion.complete_target)]

Discard = Annotated[
    bool, typer.Option("--discard", help="Discard edits of params.yaml and applied experiments.")
]
