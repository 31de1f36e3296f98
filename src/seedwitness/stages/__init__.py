"""The stages of the pipeline: a thin file each, of the same name, with a function ``run(*keys)``.

A stage reads its declared inputs and its settings from the analysis plan, calls the rooms below,
and writes its outputs whole into ``data/STAGE/KEYS/``. What several stages read alike is in
the modules that begin with an underscore.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from seedwitness.config.reading import suggest_names
from seedwitness.errors import ConfigError
from seedwitness.runtime.keyed_cache import ROOT as LEDGER
from seedwitness.runtime.workspace import share_folder

DATA = Path("data")


def output_path(stage: str, *keys: str) -> Path:
    """Where ``stage`` writes for ``keys``: ``data/STAGE/KEY/…``, seen from the project's root."""
    return DATA.joinpath(stage, *keys)


def stage_names() -> list[str]:
    """Every stage, by name."""
    return [module.name for module in iter_modules(__path__) if not module.name.startswith("_")]


def run_stage(name: str, keys: Sequence[str]) -> None:
    """Run a stage by its name. Raises ConfigError for an unknown one or a wrong number of keys."""
    if name not in stage_names():
        raise ConfigError(f"There is no stage `{name}`.{suggest_names(name, stage_names())}")
    function = import_module(f"{__name__}.{name}").run
    parameters = list(inspect.signature(function).parameters)
    if len(parameters) != len(keys):
        takes = " ".join(parameter.upper() for parameter in parameters) or "nothing"
        raise ConfigError(f"The stage `{name}` runs for {takes}, not for {list(keys)}.")
    share_folder(LEDGER)
    function(*keys)
