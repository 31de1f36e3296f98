"""Civitai's generator: `extraMetadata`, a JSON text beside a ComfyUI graph or alone.

Its older pictures have an infotext with `Civitai resources`, which is read as AUTOMATIC1111's.
"""

from __future__ import annotations

from typing import Any

from seedwitness.records.target import Claim, ClaimedLora
from seedwitness.targets.claims.reading import (
    FieldFault,
    Settings,
    ToolReading,
    describe_origin,
    try_number,
)
from seedwitness.targets.containers.fields import FieldGroup, parse_json

TOOL = "Civitai"
MARK = "extraMetadata"


def read(group: FieldGroup) -> ToolReading | None:
    """Read Civitai's settings; the graph beside them, if there is one, is left to ComfyUI's."""
    for key, content in group.objects.items():
        if not isinstance(content, dict) or MARK not in content:
            continue
        value = content[MARK]
        extra, fault = parse_json(value) if isinstance(value, str) else (value, "")
        if not isinstance(extra, dict):
            raise FieldFault(key, f"{MARK}: {fault or 'no object'}")
        has_graph = any(isinstance(v, dict) and "class_type" in v for v in content.values())
        return _read_settings(group, key, extra, set() if has_graph else {key})
    return None


def _read_settings(
    group: FieldGroup, key: str, extra: dict[str, Any], used: set[str]
) -> ToolReading:
    settings = Settings(extra)
    claim = Claim(
        tool=TOOL,
        prompt=settings.take_prompt("prompt"),
        negative_prompt=settings.take_prompt("negativePrompt"),
        seed=settings.take_integer("seed"),
        sampler=settings.take_text("sampler"),
        schedule=settings.take_text("scheduler"),
        steps=settings.take_integer("steps"),
        guidance=settings.take_number("cfgScale"),
        denoise=settings.take_number("denoise"),
        width=settings.take_integer("width"),
        height=settings.take_integer("height"),
        clip_skip=settings.take_integer("clipSkip"),
        loras=_list_resources(settings.rest.get("resources")),
    )
    others = describe_origin(group, key) | settings.format_others()
    return ToolReading([claim.model_copy(update={"others": others})], used, settings.faults)


def _list_resources(listed: Any) -> list[ClaimedLora]:
    """The resources with a strength, which are adapters; they are named by their version's number.

    A checkpoint is a resource without a strength.
    """
    loras = []
    for item in listed[:100] if isinstance(listed, list) else ():
        if isinstance(item, dict) and "modelVersionId" in item:
            weight = try_number(item.get("strength"))
            if weight is not None:
                name = f"modelVersionId {str(item['modelVersionId'])[:40]}"
                loras.append(ClaimedLora(name=name, weight=weight))
    return loras
