"""What the readers of all tools share: their result, and typed settings taken from a mapping."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from seedwitness.records.target import Claim, ClaimedLora, ClaimedVariation
from seedwitness.targets.containers.fields import FieldGroup
from seedwitness.targets.text_cleaning import replace_surrogates, shorten_text

T = TypeVar("T")

MAX_SETTING_LENGTH = 2000
"""Characters of a setting that are shown: styles' prompts are longer than EXIF values."""
MAX_PROMPT_LENGTH = 100_000
"""Characters of a prompt that are kept."""
MAX_LORAS = 100
_SIZE_PATTERN = re.compile(r"\(?\s*(\d{1,6})\s*[x×,*]\s*(\d{1,6})\s*\)?")
_LORA_PATTERN = re.compile(r"<(?:lora|lyco):([^:<>]{1,200})(?::([^:<>]{0,20}))?[^<>]{0,100}>")
NOT_SET = (None, "", "None", "none", "Default (model)", "Automatic", "auto")
"""Values by which tools say that a model or a VAE is the usual one."""


class ToolReading(NamedTuple):
    """The claims of one tool in a group of fields, the keys that were used, and what is amiss."""

    claims: list[Claim]
    used_keys: set[str]
    faults: list[str]


Reader = Callable[[FieldGroup], ToolReading | None]
"""Reads a tool's claims from a group; None if nothing there is of the tool."""


class FieldFault(ValueError):
    """A field is of the tool, by its key or form, and cannot be read."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(reason)
        self.key = key


class Settings:
    """A tool's settings by name. What is taken is removed; values that do not fit are reported."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.rest: dict[str, Any] = dict(values)
        self.faults: list[str] = []

    def take(self, *keys: str) -> Any:
        """Remove and return the first of ``keys`` that is set; None if none is."""
        for key in keys:
            if self.rest.get(key) not in (None, ""):
                return self.rest.pop(key)
        return None

    def take_text(self, *keys: str) -> str | None:
        """Take a short text: the name of a sampler, a model or the like."""
        value = self.take(*keys)
        if isinstance(value, dict | list):
            value = json.dumps(value, default=str)
        return None if value is None else shorten_text(str(value))

    def take_prompt(self, *keys: str) -> str | None:
        """Take a prompt, which stays whole; a list of texts is joined by commas."""
        value = self.take(*keys)
        if isinstance(value, list):
            value = ", ".join(str(item) for item in value if item not in (None, ""))
        return self.bound_prompt(None if value is None else str(value))

    def bound_prompt(self, text: str | None) -> str | None:
        """A prompt as it can be recorded; the end of an extremely long one is left out."""
        if not text:
            return None
        if len(text) > MAX_PROMPT_LENGTH:
            self.faults.append(
                f"a prompt of {len(text):,} characters, of which {MAX_PROMPT_LENGTH:,} are kept"
            )
        return replace_surrogates(text[:MAX_PROMPT_LENGTH]) or None

    def take_integer(self, *keys: str) -> int | None:
        """Take a whole number of at most 64 bits."""
        return self._take_parsed(keys, parse_integer)

    def take_number(self, *keys: str) -> float | None:
        """Take a finite number."""
        return self._take_parsed(keys, parse_number)

    def take_size(self, *keys: str) -> tuple[int | None, int | None]:
        """Take width and height from one value, such as 512x768 or (512, 768)."""
        return self._take_parsed(keys, parse_size) or (None, None)

    def take_variations(self, seed: str, strength: str) -> list[ClaimedVariation]:
        """Take a variation seed and its strength; none if either is absent or the strength is 0."""
        values = self.take_integer(seed), self.take_number(strength)
        if values[0] is None or values[1] is None:
            return []
        if not 0 <= values[1] <= 1:
            self.faults.append(f"{strength} {values[1]:g}: not from 0 to 1")
            return []
        return [ClaimedVariation(seed=values[0], strength=values[1])] if values[1] else []

    def format_others(self, **first: str) -> dict[str, str]:
        """All settings that were not taken, as text, after ``first``."""
        others = {key.replace("_", " "): value for key, value in first.items()}
        for key, value in self.rest.items():
            if value is not None and value != "":
                others[shorten_text(str(key))] = format_setting(value)
        return others

    def _take_parsed(self, keys: tuple[str, ...], parse: Callable[[Any], T]) -> T | None:
        for key in keys:
            if self.rest.get(key) in (None, ""):
                continue
            try:
                value = parse(self.rest[key])
            except (ValueError, TypeError, OverflowError) as error:
                shown = shorten_text(str(self.rest[key]), 60)
                self.faults.append(f"{key} {shown!r}: {shorten_text(str(error))}")
                continue
            del self.rest[key]
            return value
        return None


def format_setting(value: Any) -> str:
    """A setting as text of bounded length."""
    if not isinstance(value, str):
        value = json.dumps(value, default=str, ensure_ascii=False)
    return shorten_text(value, MAX_SETTING_LENGTH)


def parse_integer(value: Any) -> int:
    """Parse a whole number. Raises ValueError for anything else, or beyond 64 bits."""
    if isinstance(value, bool):
        raise ValueError("no number")
    number = int(value)
    if isinstance(value, float) and number != value:
        raise ValueError("no whole number")
    if not -(1 << 63) <= number < 1 << 64:
        raise ValueError("beyond 64 bits")
    return number


def parse_number(value: Any) -> float:
    """Parse a finite number. Raises ValueError for anything else."""
    if isinstance(value, bool):
        raise ValueError("no number")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("no finite number")
    return number


def parse_size(value: Any) -> tuple[int, int]:
    """Parse width and height from one value. Raises ValueError if it has another form."""
    if isinstance(value, list | tuple) and len(value) == 2:
        return parse_integer(value[0]), parse_integer(value[1])
    match = _SIZE_PATTERN.fullmatch(str(value).strip())
    if match is None:
        raise ValueError("no width and height")
    return int(match[1]), int(match[2])


def find_prompt_loras(prompt: str | None, hashes: Mapping[str, str]) -> list[ClaimedLora]:
    """The adapters that a prompt names as `<lora:NAME:WEIGHT>`, and those that only have a hash."""
    loras: dict[str, ClaimedLora] = {}
    for match in _LORA_PATTERN.finditer(prompt or ""):
        name = match[1].strip()
        if len(loras) < MAX_LORAS:
            weight = try_number(match[2])
            loras[name] = ClaimedLora(name=name, weight=weight, hash=hashes.get(name))
    for name, value in hashes.items():
        if name not in loras and len(loras) < MAX_LORAS:
            loras[name] = ClaimedLora(name=shorten_text(name), hash=shorten_text(value))
    return list(loras.values())


def try_number(value: Any) -> float | None:
    """A finite number, or None for anything else."""
    try:
        return parse_number(value)
    except (ValueError, TypeError, OverflowError):
        return None


def describe_origin(group: FieldGroup, *keys: str) -> dict[str, str]:
    """Where a claim stands in the file: for the settings that are not typed.

    Readers drop what does not fit their format, so the beginning of the text is kept as well.
    """
    origin = {"found in": group.location}
    for key in keys:
        if key in group.encodings:
            origin[f"encoding of {key}"] = group.encodings[key]
        if key in group.fields:
            origin[f"as written, {key}"] = shorten_text(group.fields[key], MAX_SETTING_LENGTH)
    return origin
