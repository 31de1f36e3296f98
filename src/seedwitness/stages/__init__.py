"""The stages of ``dvc.yaml``: a thin file each, of the same name, with a function ``run(*keys)``.

A stage reads its declared inputs, and its settings as ``protocol`` froze them, calls the rooms
below, and writes its outputs whole into ``data/<stage>/<keys>/``.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from seedwitness.config import known
from seedwitness.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from seedwitness import config
    from seedwitness.checkpoints.loading import Loaded
    from seedwitness.metrics.alignment import Positions
    from seedwitness.search.stopping import Copies

DATA = Path("data")
PROTOCOL = DATA / "protocol" / "protocol.json"


def place(stage: str, *keys: str) -> Path:
    """Where ``stage`` writes for ``keys``: ``data/<stage>/<key>/…``, seen from the root."""
    return DATA.joinpath(stage, *keys)


def frozen(stage: str) -> Path:
    """Where the settings of ``stage`` lie, as the stage ``protocol`` wrote them down."""
    path = PROTOCOL.with_name(f"{stage}.yaml")
    if not path.is_file():
        raise ConfigError(f"There is no {path} in {Path.cwd()}: `dvc repro protocol` writes it.")
    return path


def prompts(target: str, limit: int) -> pd.DataFrame:
    """At most ``limit`` candidates of a target, as PROMPTS: what was recovered and looked up."""
    from seedwitness.prompts.candidates import candidates
    from seedwitness.records import MATCHES, PROMPTS, read_table

    return candidates(
        read_table(place("recover", target) / "prompts.parquet", PROMPTS),
        read_table(place("lookup", target) / "matches.parquet", MATCHES),
        limit,
    )


def copies(loaded: Loaded, settings: config.Search, path: Path) -> Copies | None:
    """What says which latents are copies, by the criteria of ``judge`` in the settings at ``path``.

    It is asked for a search that may end early; for any other it is None.
    """
    from seedwitness import config
    from seedwitness.search import stopping

    if not settings.stop.early:
        return None
    return stopping.copies(
        loaded,
        config.section(list[config.Copy], "judge", "copies", path=path),
        config.section(dict[str, Path], "score", "weights", path=path),
        config.section(int, "score", "batch", path=path),
        positions(path),
    )


def positions(path: Path) -> Positions:
    """How a target is laid over what a checkpoint makes, by the settings at ``path``."""
    from seedwitness import config
    from seedwitness.metrics.alignment import Positions

    return Positions(
        rule=config.section(str, "search", "fit", path=path),
        mirrored=config.section(bool, "score", "mirrored", path=path),
        shift=config.section(int, "score", "shift", path=path),
    )


def run(name: str, keys: Sequence[str]) -> None:
    """Run a stage by its name. Raises ConfigError where there is none, or the keys are too few."""
    names = [module.name for module in iter_modules(__path__)]
    if name not in names:
        raise ConfigError(f"There is no stage `{name}`.{known(name, names)}")
    function = import_module(f"{__name__}.{name}").run
    wanted = list(inspect.signature(function).parameters)
    if len(wanted) != len(keys):
        takes = " ".join(key.upper() for key in wanted) or "nothing"
        raise ConfigError(f"The stage `{name}` is run for {takes}, not for {list(keys)}.")
    function(*keys)
