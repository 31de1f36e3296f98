"""Prints errors that a user can fix."""

from typing import Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from seedwitness.errors import SeedwitnessError

OWN_PACKAGES = ("seedwitness", "seedlab")


class PlainErrors(TyperGroup):
    """A command group that prints a SeedwitnessError as one paragraph, with exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; with `--debug` the error is raised, with its traceback."""
        try:
            return super().invoke(ctx)
        except (SeedwitnessError, ModuleNotFoundError) as error:
            is_own = str(getattr(error, "name", "")).partition(".")[0] in OWN_PACKAGES
            if ctx.params["debug"] or is_own:
                raise
            message = Text.assemble(("Error: ", "bold red"), _describe(error))
            # Not wrapped, because a path that is broken over two lines cannot be copied.
            Console(stderr=True).print(message, soft_wrap=True)
            raise typer.Exit(1) from None


def _describe(error: Exception) -> str:
    """What a user can do: without the extra `run` only bundles are checked."""
    if not isinstance(error, ModuleNotFoundError):
        return str(error)
    return (
        f"This needs the package {error.name}, which is not installed here. `pip install "
        "'seedwitness[run]'` brings all that examining an image needs; without it bundles are "
        "checked, and nothing else."
    )
