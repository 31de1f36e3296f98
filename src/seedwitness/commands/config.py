"""``seedwitness config``: shows the settings, compares them with a revision, keeps edits."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from seedwitness.config.composition import CONF, compose_plainly, is_text_value
from seedwitness.config.edits import Edit, list_differences, nest
from seedwitness.config.reading import FILE_NAME, load_mapping, suggest_names
from seedwitness.errors import ConfigError
from seedwitness.runtime.files import write_whole

EXPERIMENTS = CONF / "experiment"
NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]*")


def show_settings(group: str | None) -> str:
    """The settings of ``params.yaml``, or of one section or entry of it, as YAML."""
    value: Any = load_mapping(Path(FILE_NAME))
    for depth, key in enumerate(group.split(".") if group else ()):
        if not isinstance(value, dict) or key not in value:
            where = ".".join((group or "").split(".")[:depth]) or FILE_NAME
            known = suggest_names(key, value) if isinstance(value, dict) else ""
            raise ConfigError(f"{where} has no `{key}`.{known}")
        value = value[key]
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True).removesuffix("...\n").rstrip()


def compare_with_revision(revision: str) -> list[Edit]:
    """The settings that differ from those that Git has at ``revision``."""
    committed = subprocess.run(
        ["git", "show", f"{revision}:./{FILE_NAME}"], capture_output=True, text=True, check=False
    )
    if committed.returncode:
        raise ConfigError(
            f"Git has no {FILE_NAME} at {revision!r}: {' '.join(committed.stderr.split())}. "
            "`git log --oneline -- params.yaml` lists the revisions that have one."
        )
    return list_differences(yaml.safe_load(committed.stdout), load_mapping(Path(FILE_NAME)))


def save_experiment(name: str) -> Path:
    """Write what ``params.yaml`` has beyond ``conf/`` to ``conf/experiment/NAME.yaml``.

    Raises ConfigError where nothing differs, the file exists, or a setting was removed.
    """
    if not NAME_PATTERN.fullmatch(name):
        raise ConfigError(
            f"{name!r} is not valid as the name of an experiment: use small letters, digits, - "
            "and _, and begin with a letter or digit."
        )
    if not is_text_value(name):
        raise ConfigError(
            f"Hydra takes {name!r} for a number, a truth value or null, so that "
            f"`experiment={name}` would not name a file. Choose another name."
        )
    path = EXPERIMENTS / f"{name}.yaml"
    if path.exists():
        raise ConfigError(f"{path} exists. Choose another name, or remove the file first.")
    edits = list_differences(compose_plainly(), load_mapping(Path(FILE_NAME)))
    if not edits:
        raise ConfigError(f"{FILE_NAME} holds nothing that conf/ does not give: nothing to save.")
    sections = yaml.safe_dump(nest(edits), sort_keys=False, allow_unicode=True)
    write_whole(
        path,
        "# @package _global_\n#\n"
        f"# Saved from {FILE_NAME} by `seedwitness config save {name}`.\n\n{sections}",
    )
    return path
