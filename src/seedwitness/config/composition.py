"""Composes ``params.yaml`` from ``conf/`` by Hydra, with the same function that DVC calls.

``dvc exp run -S`` composes by ``dvc.utils.hydra.compose_and_dump`` before it runs; ``dvc repro``
does not compose. Here the result is validated before it replaces the old file.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from seedwitness.config.edits import Edit, explain_edits, find_edits, remember_composition
from seedwitness.config.params import load_params, require_enough_controls
from seedwitness.config.reading import FILE_NAME, suggest_names
from seedwitness.config.target_pipeline import write_target_pipelines
from seedwitness.errors import ConfigError
from seedwitness.runtime.files import write_whole

CONF, NAME = Path("conf"), "config"
QUOTING_HINT = (
    "An override is KEY=VALUE, such as `search.steps=30`; a value with a comma, a brace, a colon, "
    "an apostrophe or … is quoted twice: 'report.title=\"a, b\"'."
)


def compose_params(
    overrides: Sequence[str] = (), root: Path = Path(), *, discard: bool = False
) -> bool:
    """Write ``params.yaml`` in ``root``, and a pipeline file for each target; True if any changed.

    ``overrides`` have Hydra's syntax: ``search=default``, ``search.steps=30``,
    ``+group@package=file``. Raises ConfigError, which lists the known names, for an invalid
    override or an invalid file of ``conf/``, and where edits of ``params.yaml`` would be lost,
    unless ``discard`` is true; the old files are kept then.
    """
    path = root / FILE_NAME
    with TemporaryDirectory() as folder:
        composed = Path(folder) / FILE_NAME
        dump_composition(composed, overrides, root)
        text = composed.read_bytes()
        try:
            params = load_params(composed)
            require_enough_controls(params)
        except ConfigError as error:
            message = str(error).replace(str(composed), FILE_NAME)
            raise ConfigError(message + _suggest_file(message, overrides, root)) from error
    if not discard and (edits := _find_discarded(text, overrides, root)):
        raise ConfigError(explain_edits(edits))
    pipelines_changed = write_target_pipelines(params, root)
    remember_composition(text, root)
    if path.exists() and path.read_bytes() == text:
        return pipelines_changed
    write_whole(path, text)
    return True


def require_no_edits(root: Path = Path()) -> None:
    """Raise ConfigError where ``params.yaml`` holds edits, before anything of ``conf/`` changes."""
    if edits := find_edits(compose_plainly(root), root):
        raise ConfigError(explain_edits(edits))


def compose_plainly(root: Path = Path()) -> dict[str, Any]:
    """What ``conf/`` gives without overrides, as plain values."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / FILE_NAME
        dump_composition(path, (), root)
        composition: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        return composition


def dump_composition(path: Path, overrides: Sequence[str], root: Path = Path()) -> None:
    """Write the composition of ``root``'s ``conf/`` to ``path``, without validation."""
    home = (root / CONF).resolve()
    if not (home / f"{NAME}.yaml").is_file():
        raise ConfigError(
            f"There is no {CONF / NAME}.yaml in {root.resolve()}. Go to the root of the project, "
            "or take the file from a clone of it."
        )
    # As in DVC, the folder of Hydra plugins, `hydra_plugins/`, would be in the root.
    with _explain_hydra_errors(overrides, root):
        _dvc_compose(path, home, overrides)


def _find_discarded(text: bytes, overrides: Sequence[str], root: Path) -> list[Edit]:
    """What ``text`` would replace of an edited file; nothing where ``conf/`` gave that file."""
    edits = find_edits(yaml.safe_load(text), root)
    if edits and overrides and not find_edits(compose_plainly(root), root):
        return []
    return edits


def _dvc_compose(path: Path, home: Path, overrides: Sequence[str]) -> None:
    from dvc.utils.hydra import compose_and_dump

    compose_and_dump(str(path), str(home), None, NAME, str(home.parent), list(overrides))


def is_text_value(value: str) -> bool:
    """Whether Hydra reads ``value`` as text after `KEY=`; not `null`, `true` or `1e3`."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return isinstance(OverridesParser.create().parse_override(f"key={value}").value(), str)


def explain_sweep(override: str = "search.steps=10,20") -> str:
    """How several values of a setting are tried."""
    return (
        f"Several values are a sweep of experiments: `dvc exp run --queue -S '{override}'`, then "
        "`dvc exp run --run-all`, and `seedwitness experiments` shows them."
    )


@contextmanager
def _explain_hydra_errors(overrides: Sequence[str], root: Path) -> Iterator[None]:
    """Turn errors of Hydra into ConfigError: one paragraph that lists the known names."""
    from hydra.errors import HydraException, MissingConfigException, OverrideParseException
    from omegaconf.errors import OmegaConfBaseException

    try:
        yield
    except MissingConfigException as error:
        raise ConfigError(_describe_missing_file(error, root)) from error
    except OverrideParseException as error:
        message = str(error).split("See https")[0]
        hint = _explain_name(error.override) or QUOTING_HINT
        raise ConfigError(f"{_join_lines(message)} in {error.override!r}. {hint}") from error
    except HydraException as error:
        if str(error).startswith("Ambiguous value"):
            argument = str(error).split("'")[1]
            raise ConfigError(f"{explain_sweep(argument)} {QUOTING_HINT}") from error
        message = _describe_unknown_key(overrides, root) or f"{_join_lines(error)}."
        raise ConfigError(message) from error
    except OmegaConfBaseException as error:
        raise ConfigError(
            f"{_join_lines(error)}. If ${{…}} is meant as text, write \\${{…}}."
        ) from error
    except ValueError as error:
        if not str(error).startswith("Config group override must be"):
            raise
        raise ConfigError(
            "The value of a group is the name of a file of conf/, and null, true, false and "
            f"numbers are none, in {' '.join(overrides)}. Give the file another name."
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(
            f"A file of {root / CONF} is not valid YAML: {_join_lines(error)}."
        ) from error


def _explain_name(override: str) -> str:
    """A hint where the key of an override holds a name that begins with a digit."""
    key = override.partition("=")[0]
    name = next((part for part in re.split(r"[.@]", key) if re.match(r"\d+\D|0\d", part)), "")
    return (
        f"Hydra takes `{name}` for a number: a checkpoint's name has to begin with a letter there."
        if name
        else ""
    )


def _describe_missing_file(error: Any, root: Path) -> str:
    """The message for a missing file of a group."""
    group, _, name = str(error.missing_cfg_file).rpartition("/")
    options = _list_options(root, group)
    if not group or not options:
        return f"{_join_lines(str(error).split('Config search path')[0])}."
    return f"There is no {CONF / group / name}.yaml.{suggest_names(name, options)}"


def _describe_unknown_key(overrides: Sequence[str], root: Path) -> str:
    """The message for the first override with an unknown key; empty if there is none."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parsed = OverridesParser.create().parse_overrides(list(overrides))
    group_overrides = [
        override for override in parsed if _list_options(root, override.key_or_group.split("@")[0])
    ]
    composition = _try_compose([str(override.input_line) for override in group_overrides], root)
    if not composition:
        return ""
    for override in parsed:
        if override in group_overrides:
            continue
        value: Any = composition
        keys = override.key_or_group.split(".")
        for depth, key in enumerate(keys):
            if override.is_add() and depth == len(keys) - 1:
                break
            if not isinstance(value, dict) or key not in value:
                parent = ".".join(keys[:depth])
                place = f" In `{parent}`:" if parent else ""
                hint = suggest_names(key, value) if isinstance(value, dict) else ""
                if value is None:
                    hint = f" it is null; set it as a whole, as in '{parent}={{{key}: …, …}}'."
                return f"{FILE_NAME} has no `{override.key_or_group}`.{place}{hint}"
            value = value[key]
    return ""


def _try_compose(overrides: Sequence[str], root: Path) -> dict[str, Any] | None:
    """The composition as plain values; None if it fails too."""
    from hydra.errors import HydraException

    with TemporaryDirectory() as folder, warnings.catch_warnings():
        path = Path(folder) / FILE_NAME
        try:
            _dvc_compose(path, (root / CONF).resolve(), overrides)
        except HydraException:
            return None
        composition: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        return composition


def _suggest_file(message: str, overrides: Sequence[str], root: Path) -> str:
    """A hint where ``message`` is about a value that names a file of the group of its key."""
    for override in overrides:
        key, _, value = override.partition("=")
        group = key.split(".")[0]
        if "." in key and f"`{key}`" in message and value in _list_options(root, group):
            return f" Did you mean `{group}={value}`, the file {CONF / group / value}.yaml?"
    return ""


def _list_options(root: Path, group: str) -> list[str]:
    """The names of the files of a group of ``conf/``; empty if there is no such group."""
    return sorted(path.stem for path in (root / CONF / group).glob("*.yaml")) if group else []


def _join_lines(error: object) -> str:
    """The message of a library on one line, without its final full stop."""
    return " ".join(str(error).split()).rstrip(". ")
