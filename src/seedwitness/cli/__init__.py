"""The command line, `seedwitness`.

Each command is imported when it is called, because all libraries take seconds to import, and
`seedwitness --help` should be fast.
"""

# isort: off
from seedwitness.cli.base import app
from seedwitness.cli import (
    project,
    results,
    lookups,
    bundles,
    internals,
)  # register their commands, in this order
# isort: on

__all__ = ["app", "bundles", "internals", "lookups", "project", "results"]
