"""Prints errors that a user can fix."""

from typing import Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from seedwitness.errors import SeedwitnessError


class PlainErrors(TyperGroup):
    """A command group that prints a SeedwitnessError as one paragraph, with exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; with `--debug` the error is raised, with its traceback."""
        try:
            return super().invoke(ctx)
        except SeedwitnessError as error:
            if ctx.params["debug"]:
                raise
            message = Text.assemble(("Error: ", "bold red"), str(error))
            # Not wrapped, because a path that is broken over two lines cannot be copied.
            Console(stderr=True).print(message, soft_wrap=True)
            raise typer.Exit(1) from None
