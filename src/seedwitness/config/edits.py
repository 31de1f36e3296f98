"""Finds what a new composition of ``params.yaml`` would discard: edits, and applied experiments.

Nothing is lost where the file is what `seedwitness compose` wrote last, what Git has committed, or
what ``conf/`` gives now.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from seedwitness.config.reading import FILE_NAME
from seedwitness.errors import ConfigError
from seedwitness.runtime.files import write_whole
from seedwitness.runtime.hashes import sha256_file

COMPOSED = Path(".seedwitness/composed")
"""The hashes of the newest two compositions of ``params.yaml`` here, a line each; not in Git."""
ABSENT = object()
SHOWN = 5


@dataclass(frozen=True)
class Edit:
    """A setting whose value differs; ``ABSENT`` stands for no value."""

    key: str
    composed: Any
    edited: Any

    def __str__(self) -> str:
        before, after = (_show(value) for value in (self.composed, self.edited))
        return f"{self.key}: {before} → {after}"


def list_differences(composed: Mapping[str, Any], edited: Mapping[str, Any]) -> list[Edit]:
    """The settings in which two compositions differ, by key, in the order of ``composed``."""
    return list(_compare("", composed, edited))


def find_edits(composed: Mapping[str, Any], root: Path) -> list[Edit]:
    """What a composition that gives ``composed`` would discard of ``params.yaml`` in ``root``.

    Raises ConfigError where the file is no mapping in YAML, since nothing of it could be kept.
    """
    path = root / FILE_NAME
    if not path.is_file() or _is_known(path, root):
        return []
    try:
        edited = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(_explain_unreadable(error)) from error
    if not isinstance(edited, dict):
        raise ConfigError(_explain_unreadable("it holds no sections"))
    return list_differences(composed, edited)


def remember_composition(text: bytes, root: Path) -> None:
    """Record that ``text``, which ``params.yaml`` is about to hold, can be composed again.

    The composition before it stays recorded, because the process may be killed in between.
    """
    hashes = dict.fromkeys([sha256(text).hexdigest(), *_read_record(root)])
    write_whole(root / COMPOSED, "".join(f"{each}\n" for each in list(hashes)[:2]))


def explain_edits(edits: list[Edit]) -> str:
    """One paragraph on ``edits``, with the commands that keep or discard them."""
    shown = "; ".join(str(edit) for edit in edits[:SHOWN])
    more = f"; and {len(edits) - SHOWN} more" if len(edits) > SHOWN else ""
    return (
        f"{FILE_NAME} was edited, or holds an applied experiment, and composing would discard "
        f"this: {shown}{more}. `seedwitness config save NAME` keeps it in conf/experiment/ for "
        "`seedwitness run experiment=NAME`; `seedwitness compose --discard` discards it."
    )


def nest(edits: list[Edit]) -> dict[str, Any]:
    """The edited values as nested sections.

    Raises ConfigError where a setting was removed: a file of ``conf/`` can only add and change.
    """
    removed = [edit.key for edit in edits if edit.edited is ABSENT]
    if removed:
        raise ConfigError(
            f"`{removed[0]}` was removed from {FILE_NAME}, which a file of conf/experiment/ cannot "
            "express. Put it back, or remove it in conf/ and run `seedwitness compose --discard`."
        )
    sections: dict[str, Any] = {}
    for edit in edits:
        *parents, name = edit.key.split(".")
        section = sections
        for parent in parents:
            section = section.setdefault(parent, {})
        section[name] = edit.edited
    return sections


def _compare(prefix: str, composed: Any, edited: Any) -> Iterator[Edit]:
    if isinstance(composed, Mapping) and isinstance(edited, Mapping):
        for key in dict.fromkeys([*composed, *edited]):
            where = f"{prefix}.{key}" if prefix else str(key)
            yield from _compare(where, composed.get(key, ABSENT), edited.get(key, ABSENT))
    elif composed is ABSENT or edited is ABSENT or composed != edited:
        yield Edit(prefix, composed, edited)


def _is_known(path: Path, root: Path) -> bool:
    """Whether the file is the last composition, or the one that Git has committed."""
    if sha256_file(path) in _read_record(root):
        return True
    committed = subprocess.run(
        ["git", "show", f"HEAD:./{FILE_NAME}"], cwd=root, capture_output=True, check=False
    )
    return committed.returncode == 0 and committed.stdout == path.read_bytes()


def _read_record(root: Path) -> list[str]:
    record = root / COMPOSED
    return record.read_text(encoding="utf-8").split() if record.is_file() else []


def _explain_unreadable(error: object) -> str:
    return (
        f"{FILE_NAME} was edited and cannot be read: {' '.join(str(error).split())}. Correct it, "
        "or discard it with `seedwitness compose --discard`."
    )


def _show(value: Any) -> str:
    if value is ABSENT:
        return "nothing"
    return str(yaml.safe_dump(value, default_flow_style=True, width=1000)).split("\n")[0]
