"""Fooocus: a JSON object of settings, in `parameters` or the user comment (RuinedFooocus too).

Fooocus can also write AUTOMATIC1111's infotext, which is read as that.
"""

from __future__ import annotations

from typing import Any

from seedwitness.records.target import Claim, ClaimedLora
from seedwitness.targets.claims.reading import (
    NOT_SET,
    Settings,
    ToolReading,
    describe_origin,
    try_number,
)
from seedwitness.targets.containers.fields import FieldGroup
from seedwitness.targets.text_cleaning import shorten_text

TOOL = "Fooocus"
MARKS = {"base_model", "base_model_name", "full_prompt", "metadata_scheme", "performance"}
SCHEME_KEYS = ("fooocus_scheme", "MakerNote", "Exif.MakerNote")
"""Where Fooocus names the form of its settings: a PNG text, or EXIF's maker note."""


def read(group: FieldGroup) -> ToolReading | None:
    """Read a settings object, of which two names that only Fooocus has suffice."""
    for key, content in group.objects.items():
        if isinstance(content, dict):
            named = {str(name).lower().replace(" ", "_"): value for name, value in content.items()}
            if "prompt" in named and named.keys() & MARKS:
                used = {key} | (set(SCHEME_KEYS) & group.fields.keys())
                return _read_settings(group, key, named, used)
    scheme = next((key for key in SCHEME_KEYS if key in group.fields), None)
    if scheme and group.fields[scheme].strip("\0 ") in ("fooocus", "a1111"):
        return ToolReading([], {scheme}, [])  # it only names the form of the other field
    return None


def _read_settings(
    group: FieldGroup, key: str, named: dict[str, Any], used: set[str]
) -> ToolReading:
    software = str(named.get("software", named.get("version", "")))
    settings = Settings(named)
    width, height = settings.take_size("resolution", "size")
    if width is None:
        width, height = settings.take_integer("width"), settings.take_integer("height")
    vae = settings.take_text("vae")
    claim = Claim(
        tool="RuinedFooocus" if "ruined" in software.lower() else TOOL,
        prompt=settings.take_prompt("prompt", "full_prompt"),
        negative_prompt=settings.take_prompt("negative_prompt", "negative"),
        seed=settings.take_integer("seed"),
        sampler=settings.take_text("sampler", "sampler_name"),
        schedule=settings.take_text("scheduler"),
        steps=settings.take_integer("steps"),
        guidance=settings.take_number("guidance_scale", "cfg"),
        width=width,
        height=height,
        clip_skip=settings.take_integer("clip_skip"),
        model=settings.take_text("base_model", "base_model_name"),
        model_hash=settings.take_text("base_model_hash"),
        vae=None if vae in NOT_SET else vae,
        loras=_list_loras(settings),
    )
    others = describe_origin(group, key) | settings.format_others()
    return ToolReading([claim.model_copy(update={"others": others})], used, settings.faults)


def _list_loras(settings: Settings) -> list[ClaimedLora]:
    """Adapters as lists of name, weight and hash, or as texts `name : weight`."""
    listed = settings.rest.get("loras")
    items = list(listed) if isinstance(listed, list) else []
    items += [value for key, value in settings.rest.items() if key.startswith("lora_")][:100]
    loras = []
    for item in items[:100]:
        parts = item.split(" : ") if isinstance(item, str) else item
        if isinstance(parts, list) and parts and isinstance(parts[0], str):
            weight = try_number(parts[1]) if len(parts) > 1 else None
            lora_hash = shorten_text(str(parts[2])) if len(parts) > 2 and parts[2] else None
            loras.append(ClaimedLora(name=shorten_text(parts[0]), weight=weight, hash=lora_hash))
    return loras
