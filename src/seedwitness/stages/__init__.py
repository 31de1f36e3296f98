"""The stages of ``dvc.yaml``: a thin file each, of the same name, with a function ``run(*keys)``.

A stage reads its declared inputs, and its settings as ``protocol`` froze them, calls the rooms
below, and writes its outputs whole into ``data/<stage>/<keys>/``. What several of them take alike
is in ``_inputs``.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from seedwitness.config.reading import suggest_names
from seedwitness.errors import ConfigError

DATA = Path("data")
PROTOCOL = DATA / "protocol" / "protocol.json"
ASKED = Path(".ledger") / "asked"
"""What was ever judged, by the hash of a picture's pixels: neither restored by DVC nor removed."""


def output_path(stage: str, *keys: str) -> Path:
    """Where ``stage`` writes for ``keys``: ``data/<stage>/<key>/…``, seen from the root."""
    return DATA.joinpath(stage, *keys)


def frozen(stage: str) -> Path:
    """Where the settings of ``stage`` lie, as the stage ``protocol`` wrote them down."""
    path = PROTOCOL.with_name(f"{stage}.yaml")
    if not path.is_file():
        raise ConfigError(f"There is no {path} in {Path.cwd()}: `dvc repro protocol` writes it.")
    return path


def stage_names() -> list[str]:
    """Every stage, by name."""
    return [module.name for module in iter_modules(__path__) if not module.name.startswith("_")]


def run_stage(name: str, keys: Sequence[str]) -> None:
    """Run a stage by its name. Raises ConfigError where there is none, or the keys are too few."""
    if name not in stage_names():
        raise ConfigError(f"There is no stage `{name}`.{suggest_names(name, stage_names())}")
    function = import_module(f"{__name__}.{name}").run
    wanted = list(inspect.signature(function).parameters)
    if len(wanted) != len(keys):
        takes = " ".join(key.upper() for key in wanted) or "nothing"
        raise ConfigError(f"The stage `{name}` is run for {takes}, not for {list(keys)}.")
    function(*keys)
