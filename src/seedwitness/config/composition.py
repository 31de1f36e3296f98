"""``params.yaml``, composed from ``conf/`` by Hydra, by the very function that DVC calls.

``dvc exp run -S`` composes by ``dvc.utils.hydra.compose_and_dump`` before it runs; ``dvc repro``
does not compose. Here the result is looked over before it takes the place of the old file.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from seedwitness.config.params import load_params
from seedwitness.config.reading import FILE_NAME, suggest_names
from seedwitness.config.target_pipeline import write_target_pipelines
from seedwitness.errors import ConfigError
from seedwitness.runtime.files import write_whole

CONF, NAME = Path("conf"), "config"
QUOTED = (
    "An override is KEY=VALUE, such as `search.steps=30`; a value with a comma, a brace, a colon, "
    "an apostrophe or … is quoted twice: 'report.title=\"a, b\"'."
)


def compose_params(overrides: Sequence[str] = (), root: Path = Path()) -> bool:
    """Write ``params.yaml`` in ``root``, and a pipeline file for each target; True if any changed.

    ``overrides`` are Hydra's: ``search=default``, ``search.steps=30``, ``+group@package=file``.
    Raises ConfigError, which names what is known, for an override or a file of ``conf/`` that does
    not fit; the old files stay then.
    """
    path = root / FILE_NAME
    with TemporaryDirectory() as folder:
        composed = Path(folder) / FILE_NAME
        dump_composition(composed, overrides, root)
        text = composed.read_bytes()
        try:
            params = load_params(composed)
        except ConfigError as error:
            raise ConfigError(str(error).replace(str(composed), FILE_NAME)) from error
    pipelines_changed = write_target_pipelines(params, root)
    if path.exists() and path.read_bytes() == text:
        return pipelines_changed
    write_whole(path, text)
    return True


def dump_composition(path: Path, overrides: Sequence[str], root: Path = Path()) -> None:
    """Write the composition of ``root``'s ``conf/`` to ``path`` as it is, unchecked."""
    home = (root / CONF).resolve()
    if not (home / f"{NAME}.yaml").is_file():
        raise ConfigError(
            f"There is no {CONF / NAME}.yaml in {root.resolve()}. Go to the root of the project, "
            "or take the file from a clone of it."
        )
    # The plugins' place is the root, as DVC has it: `hydra_plugins/` would lie there.
    with _explained(overrides, root):
        _dvc_compose(path, home, overrides)


def _dvc_compose(path: Path, home: Path, overrides: Sequence[str]) -> None:
    from dvc.utils.hydra import compose_and_dump

    compose_and_dump(str(path), str(home), None, NAME, str(home.parent), list(overrides))


@contextmanager
def _explained(overrides: Sequence[str], root: Path) -> Iterator[None]:
    """Hydra's own errors as one paragraph that names what is known."""
    from hydra.errors import HydraException, MissingConfigException, OverrideParseException
    from omegaconf.errors import OmegaConfBaseException

    try:
        yield
    except MissingConfigException as error:
        raise ConfigError(_missing_file(error, root)) from error
    except OverrideParseException as error:
        first = str(error).split("See https")[0]
        raise ConfigError(f"{_sentence(first)} in {error.override!r}. {QUOTED}") from error
    except HydraException as error:
        if str(error).startswith("Ambiguous value"):
            first = str(error).split("\n")[0]
            raise ConfigError(f"{_sentence(first)}. {QUOTED}") from error
        raise ConfigError(_unknown_key(overrides, root) or f"{_sentence(error)}.") from error
    except OmegaConfBaseException as error:
        raise ConfigError(
            f"{_sentence(error)}. Where ${{…}} is meant as text, write \\${{…}}."
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"A file of {root / CONF} is no YAML: {_sentence(error)}.") from error


def _missing_file(error: Any, root: Path) -> str:
    """For a file of a group that is not there."""
    group, _, name = str(error.missing_cfg_file).rpartition("/")
    options = _options(root, group)
    if not group or not options:
        return f"{_sentence(str(error).split('Config search path')[0])}."
    return f"There is no {CONF / group / name}.yaml.{suggest_names(name, options)}"


def _unknown_key(overrides: Sequence[str], root: Path) -> str:
    """For the first override whose key is none of ``params.yaml``; empty where there is none."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parsed = OverridesParser.create().parse_overrides(list(overrides))
    groups = [each for each in parsed if _options(root, each.key_or_group.split("@")[0])]
    plain = [each for each in parsed if each not in groups]
    base = _composed([str(each.input_line) for each in groups], root)
    for each in plain if base else []:
        found: Any = base
        steps = each.key_or_group.split(".")
        for depth, step in enumerate(steps):
            if each.is_add() and depth == len(steps) - 1:
                break
            if not isinstance(found, dict) or step not in found:
                where = ".".join(steps[:depth])
                inside = f" In `{where}`:" if where else ""
                hint = suggest_names(step, found) if isinstance(found, dict) else ""
                if found is None:
                    hint = f" it is null; give it whole, as in '{where}={{{step}: …, …}}'."
                return f"{FILE_NAME} has no `{each.key_or_group}`.{inside}{hint}"
            found = found[step]
    return ""


def _composed(overrides: Sequence[str], root: Path) -> dict[str, Any] | None:
    """The composition as plain values; None where it cannot be made either."""
    from hydra.errors import HydraException

    with TemporaryDirectory() as folder, warnings.catch_warnings():
        path = Path(folder) / FILE_NAME
        try:
            _dvc_compose(path, (root / CONF).resolve(), overrides)
        except HydraException:
            return None
        found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        return found


def _options(root: Path, group: str) -> list[str]:
    """The files of a group of ``conf/``; none where there is no such group."""
    return sorted(path.stem for path in (root / CONF / group).glob("*.yaml")) if group else []


def _sentence(error: object) -> str:
    """What a library says over several lines, in one."""
    return " ".join(str(error).split()).rstrip(". ")
