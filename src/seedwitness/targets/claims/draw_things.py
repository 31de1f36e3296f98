"""Draw Things: a JSON object with short names (`c`, `uc`), in EXIF's and XMP's user comment."""

from __future__ import annotations

from typing import Any

from seedwitness.records.target import Claim, ClaimedLora
from seedwitness.targets.claims.reading import Settings, ToolReading, describe_origin, try_number
from seedwitness.targets.containers.fields import FieldGroup
from seedwitness.targets.text_cleaning import shorten_text

TOOL = "Draw Things"


def read(group: FieldGroup) -> ToolReading | None:
    """Read a settings object, recognised by its prompt `c` beside a sampler and a seed."""
    for key, content in group.objects.items():
        if not isinstance(content, dict) or not isinstance(content.get("c"), str):
            continue
        if content.keys() & {"uc", "seed_mode", "v2", "scale", "sampler"}:
            return _read_settings(group, key, content)
    return None


def _read_settings(group: FieldGroup, key: str, content: dict[str, Any]) -> ToolReading:
    settings = Settings(content)
    version2 = settings.rest.get("v2")
    more = Settings(version2 if isinstance(version2, dict) else {})
    width, height = settings.take_size("size")
    if width is None:
        width, height = more.take_integer("width"), more.take_integer("height")
    listed = content.get("lora") or more.rest.get("loras")
    claim = Claim(
        tool=TOOL,
        prompt=settings.take_prompt("c"),
        negative_prompt=settings.take_prompt("uc"),
        seed=settings.take_integer("seed") or more.take_integer("seed"),
        sampler=settings.take_text("sampler"),
        steps=settings.take_integer("steps") or more.take_integer("steps"),
        guidance=settings.take_number("scale") or more.take_number("guidanceScale"),
        denoise=settings.take_number("strength"),
        width=width,
        height=height,
        clip_skip=more.take_integer("clipSkip"),
        model=settings.take_text("model"),
        loras=_list_loras(listed),
    )
    others = describe_origin(group, key) | settings.format_others()
    faults = settings.faults + more.faults
    used = {key} | ({"dc:description", "xmp:CreatorTool"} & group.fields.keys())
    return ToolReading([claim.model_copy(update={"others": others})], used, faults)


def _list_loras(listed: Any) -> list[ClaimedLora]:
    loras = []
    for item in listed[:100] if isinstance(listed, list) else ():
        name = (item.get("model") or item.get("file")) if isinstance(item, dict) else None
        if name:
            weight = try_number(item.get("weight"))
            loras.append(ClaimedLora(name=shorten_text(str(name)), weight=weight))
    return loras
