"""What a shell offers to complete: targets, checkpoints, stages, and overrides of settings.

It reads file names and ``params.yaml`` alone, because a shell asks at every press of a key.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seedwitness.runtime.nested import list_entries

PARAMS, CONF, TARGETS = Path("params.yaml"), Path("conf"), Path("data/targets")


def complete_target(incomplete: str) -> list[str]:
    """The names of targets that begin so."""
    names = sorted(path.parent.name for path in TARGETS.glob("*/target.yaml"))
    return [name for name in names if name.startswith(incomplete)]


def complete_checkpoint(incomplete: str) -> list[str]:
    """The names of checkpoints that begin so."""
    return [name for name in _read_params().get("checkpoints", {}) if name.startswith(incomplete)]


def complete_override(incomplete: str) -> list[str]:
    """Overrides that begin so: the files of a group of ``conf/``, or a setting and its value."""
    return [text for text in _list_overrides() if text.startswith(incomplete)]


def complete_section(incomplete: str) -> list[str]:
    """Sections and settings of ``params.yaml`` that begin so."""
    keys = dict.fromkeys(
        part for key, _ in list_entries(_read_params()) for part in _list_prefixes(key)
    )
    return [key for key in keys if key.startswith(incomplete)]


def _list_overrides() -> Iterator[str]:
    for path in sorted(CONF.glob("*/*.yaml")):
        yield f"{path.parent.name}={path.stem}"
    for key, value in list_entries(_read_params()):
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            yield f"{key}={value}"
        else:
            yield f"{key}="


def _read_params() -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return {}  # a shell shows nothing where there is nothing to complete
    return content if isinstance(content, dict) else {}


def _list_prefixes(key: str) -> Iterator[str]:
    parts = key.split(".")
    for end in range(1, len(parts) + 1):
        yield ".".join(parts[:end])
