"""How a command line prints an error that its user can mend."""

from typing import Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

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
