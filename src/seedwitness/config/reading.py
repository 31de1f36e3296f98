"""Reads and validates settings; an error is one sentence that lists the known names."""

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
    """Load a section, or an entry of one: ``load_section(TargetSettings, "targets", "owl")``."""
    value: Any = load_mapping(path)
    for depth, key in enumerate(keys):
        if not isinstance(value, dict) or key not in value:
            where = ".".join(keys[:depth]) or str(path)
            raise ConfigError(f"{where} has no `{key}`.{suggest_names(key, value or ())}")
        value = value[key]
    return validate(kind, value, f"{path}: {'.'.join(keys)}")


def load_mapping(path: Path) -> dict[str, Any]:
    """Load ``params.yaml`` as plain values. Raises ConfigError if it is missing or incomplete."""
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text)
    except FileNotFoundError:
        raise ConfigError(
            f"There is no {path} in {Path.cwd()}. Go to the root of the project, or compose it "
            "there with `seedwitness compose`."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} must hold sections: `search:` and so on.")
    require_one_reading(content, text, path)
    missing = sorted(_list_missing(content))
    if missing:
        raise ConfigError(
            f"{path}: `{missing[0]}` has no value yet (???). Set it in conf/, or for one run with "
            f"`seedwitness run {missing[0]}=VALUE`."
        )
    return content


def require_one_reading(content: dict[str, Any], text: str, path: Path) -> None:
    """Raise ConfigError where DVC, which reads YAML 1.2, has other values than ``content``.

    ``0o17`` is a text in YAML 1.1 and a number in 1.2. The composition writes it without quotes.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        other = YAML(typ="safe").load(text)
    except YAMLError as error:
        raise ConfigError(f"{path} cannot be read as YAML 1.2, as DVC does: {error}") from error
    difference = _find_other_reading(content, other)
    if difference:
        key, here, there = difference
        raise ConfigError(
            f"{path}: `{key}` is {here} in YAML 1.1 and {there} in YAML 1.2, so that stages and "
            "DVC would disagree. Choose another name or value: a number in plain digits, or a text "
            "that is not like a number, a date or a truth value. A composition drops quotes."
        )


def validate(kind: type[T], value: Any, where: str) -> T:
    """Convert ``value`` to ``kind``. Raises ConfigError: one sentence with the known names."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        # A misspelt key is both unknown and missing: report it as unknown.
        first = min(error.errors(), key=lambda item: item["type"] != "extra_forbidden")
        key_path = ".".join(str(part) for part in first["loc"] if part != "[key]")
        place = f"{where}: `{key_path}`" if key_path else where
        if first["type"] == "extra_forbidden":
            siblings = _list_fields(kind, first["loc"][:-1])
            hint = suggest_names(str(first["loc"][-1]), siblings)
            raise ConfigError(f"{place}: unknown key.{hint}") from error
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{place}: {message}.") from error


def suggest_names(name: str, names: Any) -> str:
    """`` Did you mean …? Known are: …`` for a name that is not among ``names``."""
    known = sorted(str(item) for item in names)
    close = difflib.get_close_matches(name, known, n=1)
    guess = f" Did you mean `{close[0]}`?" if close else ""
    return f"{guess} Known are: {', '.join(known)}." if known else guess


def _list_missing(value: Any, where: str = "") -> list[str]:
    """The paths of all values that are still ``???``."""
    if isinstance(value, dict):
        return [
            path
            for key, inner in value.items()
            for path in _list_missing(inner, f"{where}.{key}" if where else str(key))
        ]
    return [where] if value == "???" else []


def _find_other_reading(value: Any, other: Any, where: str = "") -> tuple[str, str, str] | None:
    """The first place where two readings of a file differ, and both of its values."""
    if isinstance(value, dict) and isinstance(other, dict):
        for (key, inner), (other_key, other_inner) in zip(
            value.items(), other.items(), strict=True
        ):
            place = f"{where}.{key}" if where else str(key)
            if key != other_key:
                return place, f"the name {key!r}", f"{other_key!r}"
            if found := _find_other_reading(inner, other_inner, place):
                return found
        return None
    if isinstance(value, list) and isinstance(other, list):
        pairs = enumerate(zip(value, other, strict=True))
        each = (_find_other_reading(*pair, f"{where}.{number}") for number, pair in pairs)
        return next(filter(None, each), None)
    # repr: nan is not equal to itself, and True equals 1.
    return None if repr(value) == repr(other) else (where, repr(value), repr(other))


def _list_fields(kind: Any, path: tuple[int | str, ...]) -> list[str]:
    """The keys of the model at ``path`` inside ``kind``; empty if there is no model."""
    for step in path:
        fields = getattr(kind, "model_fields", None)
        if fields is not None:
            kind = fields[step].annotation if step in fields else None
        else:  # dict[Name, Model] or list[Model]
            arguments = getattr(kind, "__args__", ())
            kind = arguments[-1] if arguments else None
    return list(getattr(kind, "model_fields", ()))
