"""Settings read and checked: what is wrong is said in one sentence, with what is known there."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from seedwitness.errors import ConfigError

FILE_NAME = "params.yaml"
T = TypeVar("T")


def load_section(kind: type[T], *keys: str, path: Path = Path(FILE_NAME)) -> T:
    """One section, or one entry of one (``section(Target, "targets", "owl")``)."""
    found: Any = load_mapping(path)
    for depth, key in enumerate(keys):
        if not isinstance(found, dict) or key not in found:
            where = ".".join(keys[:depth]) or str(path)
            raise ConfigError(f"{where} has no `{key}`.{suggest_names(key, found or ())}")
        found = found[key]
    return validate(kind, found, f"{path}: {'.'.join(keys)}")


def load_mapping(path: Path) -> dict[str, Any]:
    """``params.yaml`` as plain values. Raises ConfigError where it is missing or unfinished."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"There is no {path} in {Path.cwd()}. Go to the root of the project, or compose it "
            "there with `seedwitness compose`."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as YAML: {error}") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path} must hold sections: `targets:` and so on.")
    missing = sorted(_missing(found))
    if missing:
        raise ConfigError(
            f"{path}: `{missing[0]}` has no value yet (???). Give it one in conf/, or for one run: "
            f"`seedwitness run {missing[0]}=VALUE`."
        )
    return found


def validate(kind: type[T], value: Any, where: str) -> T:
    """``value`` as ``kind``; the error is one sentence that says where and what is known there."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        # A misspelt key is both unknown and missing: say the first.
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        at = ".".join(str(part) for part in first["loc"] if part != "[key]")
        place = f"{where}: `{at}`" if at else where
        if first["type"] == "extra_forbidden":
            siblings = _fields(kind, first["loc"][:-1])
            hint = suggest_names(str(first["loc"][-1]), siblings)
            raise ConfigError(f"{place}: unknown key.{hint}") from error
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{place}: {message}.") from error


def suggest_names(name: str, names: Any) -> str:
    """`` Did you mean …? Known are: …`` for a name that is not among ``names``."""
    listed = sorted(str(each) for each in names)
    close = difflib.get_close_matches(name, listed, n=1)
    guess = f" Did you mean `{close[0]}`?" if close else ""
    return f"{guess} Known are: {', '.join(listed)}." if listed else guess


def _missing(value: Any, where: str = "") -> list[str]:
    if isinstance(value, dict):
        return [
            each
            for key, inner in value.items()
            for each in _missing(inner, f"{where}.{key}" if where else str(key))
        ]
    return [where] if value == "???" else []


def _fields(kind: Any, path: tuple[int | str, ...]) -> list[str]:
    """The keys that the model at ``path`` inside ``kind`` knows; none where there is no model."""
    for step in path:
        fields = getattr(kind, "model_fields", None)
        if fields is not None:
            kind = fields[step].annotation if step in fields else None
        else:  # dict[Name, Model] or list[Model]
            arguments = getattr(kind, "__args__", ())
            kind = arguments[-1] if arguments else None
    return list(getattr(kind, "model_fields", ()))
