"""AUTOMATIC1111's infotext, which Forge, SD.Next, Civitai and others write as well.

The prompt, a line `Negative prompt: …`, and a line of settings `Key: value, Key: value`. A value
with a comma, a colon or a line break is quoted as a JSON string; some extensions write JSON objects
and lists without quotes, and older versions text with commas.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from seedwitness.records.target import Claim, ClaimedLora
from seedwitness.targets.claims.reading import (
    NOT_SET,
    Settings,
    ToolReading,
    describe_origin,
    find_prompt_loras,
)
from seedwitness.targets.containers.fields import FieldGroup
from seedwitness.targets.text_cleaning import shorten_text

TOOL = "AUTOMATIC1111"
NEGATIVE_MARK = "Negative prompt:"
CORE_KEYS = (
    "Steps",
    "Sampler",
    "Schedule type",
    "CFG scale",
    "Distilled CFG Scale",
    "Seed",
    "Size",
    "Model hash",
    "Model",
)
"""The keys that a line of settings begins with; a tool leaves out those of default value."""
SCHEDULES = ("Karras", "Exponential", "Polyexponential", "SGM Uniform", "Simple", "Normal", "Beta")
"""Schedules that older versions wrote as the end of the sampler's name."""
MAX_SETTINGS = 500

_KEY = r"[^\W_][\w \-/().+]{0,80}"
# Every repetition is bounded or ends at its first mismatch, so that hostile text takes linear time.
_PAIR_START = re.compile(rf"[\s,]{{0,1000}}({_KEY}?) ?: ?")
_NEXT_PAIR = re.compile(rf"[,\n](?=\s{{0,8}}{_KEY}? ?:(?:[ \n]|$))")
_CORE = "|".join(re.escape(key) for key in CORE_KEYS)
_CORE_PAIR = re.compile(rf"(?:^|,)\s*({_CORE}):")
_QUOTED = re.compile(r': "(?:\\.|[^"\\])*"(?=[,\n]|$)', re.DOTALL)
_INLINE_START = re.compile(r"(?:^|\s)Steps:\s?\d")
_JSON = json.JSONDecoder(strict=False)


class Infotext(NamedTuple):
    """The parts of an infotext: prompts and settings, and what is ambiguous in it."""

    prompt: str
    negative_prompt: str
    settings: dict[str, Any]
    faults: list[str]


def read(group: FieldGroup) -> ToolReading | None:
    """Read the infotexts of a group: `parameters`, comments, or any text of that form."""
    claims: list[Claim] = []
    used, faults = set(), []
    for key, text in group.fields.items():
        if key in group.objects or not is_infotext(text):
            continue
        infotext = parse_infotext(text)
        claim, claim_faults = _make_claim(group, key, infotext)
        claims.append(claim)
        used.add(key)
        faults += [*infotext.faults, *claim_faults]
    return ToolReading(claims, used, faults) if used else None


def is_infotext(text: str) -> bool:
    """Whether a text has settings, at their own line or after the prompt, or a negative prompt."""
    return _find_settings(text) is not None or _has_negative_line(text)


def _has_negative_line(text: str) -> bool:
    return text.startswith(NEGATIVE_MARK) or f"\n{NEGATIVE_MARK}" in text.replace("\r", "\n")


def parse_infotext(text: str) -> Infotext:
    """Split an infotext into prompts and settings. Without settings all of it is prompt."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    start = _find_settings(text)
    before = text if start is None else text[:start]
    settings, faults = ({}, []) if start is None else parse_settings(text[start:])
    prompt, negative, count = _split_prompts(before)
    if count > 1:
        faults.append(
            f"`{NEGATIVE_MARK}` begins {count} lines; all after the first is taken as the negative "
            "prompt, as AUTOMATIC1111 reads it"
        )
    return Infotext(prompt, negative, settings, faults)


def parse_settings(text: str) -> tuple[dict[str, Any], list[str]]:
    """Parse `Key: value, Key: value` with quoted and JSON values; list doubled and odd parts.

    Of a key that stands twice the first value counts: a tool writes its own settings first, and
    those of extensions, which may hold text of any form, after them.
    """
    values: dict[str, Any] = {}
    faults: list[str] = []
    count = 0
    for key, value in _iter_pairs(text, faults):
        count += 1
        if count > MAX_SETTINGS:
            break
        if key not in values:
            values[key] = value
        elif values[key] != value:
            faults.append(
                f"{key} is given as {shorten_text(str(values[key]), 60)!r} and as "
                f"{shorten_text(str(value), 60)!r}; the first was taken"
            )
    if count > MAX_SETTINGS:
        faults.append(f"settings beyond {MAX_SETTINGS} are left out")
    return values, faults[:20]


def _iter_pairs(text: str, faults: list[str]) -> Iterator[tuple[str, Any]]:
    position = 0
    while position < len(text):
        start = _PAIR_START.match(text, position)
        if start is None:
            following = _NEXT_PAIR.search(text, position)
            end = following.end() if following else len(text)
            rest = text[position:end].strip(" ,\n")
            if rest:
                faults.append(f"no setting: {shorten_text(rest, 100)!r}")
            position = end
            continue
        position = start.end()
        value: Any = None
        if text[position : position + 1] in ('"', "{", "["):
            try:
                value, end = _JSON.raw_decode(text, position)
            except (ValueError, RecursionError):
                value = None
            else:
                # What follows a whole value is a comma, a line break or the end.
                if text[end : end + 1] not in ("", ",", "\n") and text[end:].strip():
                    value = None
                else:
                    position = end
        if value is None:
            following = _NEXT_PAIR.search(text, position)
            end = following.start() if following else len(text)
            value, position = text[position:end].strip(" ,\n"), end
        yield start[1].strip(), value


def _find_settings(text: str) -> int | None:
    """The position of the settings: the last line of them, or else in the line of the prompt."""
    found: list[int] = []
    position = 0
    # After a negative prompt one setting is enough to know the line.
    needed = 1 if _has_negative_line(text) else 2
    for line in text.split("\n"):
        keys = {match[1] for match in _CORE_PAIR.finditer(line[:100_000])}
        stripped = line.lstrip()
        begins = bool(_CORE_PAIR.match(stripped))
        if begins and (len(keys) >= needed or re.match(r"Steps: ?\d", stripped)):
            found.append(position)
        position += len(line) + 1
    if found:
        return _leave_out_quoted(text, found)[-1]
    for match in _INLINE_START.finditer(text):
        keys = {pair[1] for pair in _CORE_PAIR.finditer(text, match.start(), len(text))}
        keys |= {"Steps"}
        if len(keys) >= 2:
            return match.start()
        break
    return None


def _leave_out_quoted(text: str, positions: list[int]) -> list[int]:
    """Leave out the positions within a quoted value of settings that begin at an earlier one."""
    if len(positions) == 1:
        return positions
    spans = (match.span() for match in _QUOTED.finditer(text, positions[0]))
    outside: list[int] = []
    start, end = next(spans, (len(text), len(text)))
    for position in positions:
        while position > end:
            start, end = next(spans, (len(text), len(text)))
        if not start < position < end:
            outside.append(position)
    return outside


def _split_prompts(text: str) -> tuple[str, str, int]:
    """The prompt, the negative prompt, and the number of lines that begin a negative prompt."""
    prompt: list[str] = []
    negative: list[str] = []
    count = 0
    for line in text.strip().split("\n"):
        stripped = line.strip()
        if stripped.startswith(NEGATIVE_MARK):
            count += 1
            stripped = stripped.removeprefix(NEGATIVE_MARK).strip()
        (negative if count else prompt).append(stripped)
    if not count and len(prompt) == 1 and f" {NEGATIVE_MARK}" in prompt[0]:
        before, _, after = prompt[0].partition(f" {NEGATIVE_MARK}")  # all on one line
        return before.strip(), after.strip(), 1
    return "\n".join(prompt).strip(), "\n".join(negative).strip(), count


def _make_claim(group: FieldGroup, key: str, infotext: Infotext) -> tuple[Claim, list[str]]:
    settings = Settings(infotext.settings)
    tool = _name_tool(settings)
    width, height = settings.take_size("Size")
    if width is None:
        width, height = settings.take_integer("Width"), settings.take_integer("Height")
    resize_width, resize_height = settings.take_size("Seed resize from")
    sampler = settings.take_text("Sampler")
    schedule = settings.take_text("Schedule type", "Schedule", "Scheduler")
    position = settings.take_integer("Batch pos")
    vae = settings.take_text("VAE")
    clip_skip = settings.take_integer("Clip skip", "CLIP skip")
    claim = Claim(
        tool=tool,
        prompt=settings.bound_prompt(infotext.prompt),
        negative_prompt=settings.bound_prompt(infotext.negative_prompt),
        seed=settings.take_integer("Seed"),
        variations=settings.take_variations("Variation seed", "Variation seed strength"),
        sampler=sampler,
        schedule=schedule or find_schedule_suffix(sampler),
        steps=settings.take_integer("Steps"),
        guidance=settings.take_number("CFG scale", "Guidance"),
        denoise=settings.take_number("Denoising strength"),
        width=width,
        height=height,
        seed_resize_width=resize_width,
        seed_resize_height=resize_height,
        batch_size=settings.take_integer("Batch size"),
        batch_index=position,
        rng=settings.take_text("RNG"),
        step_seed_offset=settings.take_integer("ENSD"),
        clip_skip=clip_skip,
        model=settings.take_text("Model", "Base model"),
        model_hash=settings.take_text("Model hash", "Base model hash") or _find_hash(settings),
        vae=None if vae in NOT_SET else vae,
        vae_hash=settings.take_text("VAE hash"),
        loras=_list_loras(settings, infotext.prompt),
    )
    origin = describe_origin(group, key)
    others = origin | settings.format_others()
    return claim.model_copy(update={"others": others}), settings.faults


def find_schedule_suffix(sampler: str | None) -> str | None:
    """The schedule that the end of a sampler's name states, such as Karras; None without one."""
    ends = (name for name in SCHEDULES if sampler and sampler.lower().endswith(f" {name.lower()}"))
    return next(ends, None)


def _name_tool(settings: Settings) -> str:
    """The tool by its own traces: an infotext without any is called AUTOMATIC1111's."""
    version = str(settings.rest.get("Version", ""))
    app = str(settings.rest.get("App", ""))
    keys = settings.rest.keys()
    if app.startswith("SD.Next") or "Operations" in keys:
        return "SD.Next"
    if version.startswith("Fooocus"):
        return "Fooocus"
    if version.startswith("ComfyUI"):
        return "ComfyUI"
    if re.match(r"f\d+\.\d|neo", version) or "Distilled CFG Scale" in keys:
        return "Forge"
    if keys & {"Civitai resources", "Civitai metadata"}:
        return "Civitai"
    return TOOL


def _find_hash(settings: Settings) -> str | None:
    """The model's hash in `Hashes`, which stays whole among the other settings."""
    hashes = settings.rest.get("Hashes")
    value = hashes.get("model") if isinstance(hashes, dict) else None
    return shorten_text(value) if isinstance(value, str) and value else None


def _list_loras(settings: Settings, prompt: str) -> list[ClaimedLora]:
    """The adapters of the prompt, with hashes from `Lora hashes` or `Hashes`, and of Civitai."""
    hashes: dict[str, str] = {}
    listed = settings.rest.get("Lora hashes")
    if isinstance(listed, str):
        for item in listed.split(",")[:200]:
            name, separator, value = item.rpartition(":")
            if separator and name.strip():
                hashes[name.strip()] = value.strip()
    table = settings.rest.get("Hashes")
    for name, value in table.items() if isinstance(table, dict) else ():
        if name.lower().startswith("lora:") and isinstance(value, str):
            hashes[name[5:]] = value
    loras = find_prompt_loras(prompt, hashes)
    resources = settings.rest.get("Civitai resources")
    for item in resources if isinstance(resources, list) else ():
        if isinstance(item, dict) and str(item.get("type", "")).lower() in ("lora", "locon"):
            name = item.get("modelName") or f"modelVersionId {item.get('modelVersionId')}"
            weight = item.get("weight")
            number = float(weight) if isinstance(weight, int | float) else None
            loras.append(ClaimedLora(name=shorten_text(str(name)), weight=number))
    return loras[:100]
