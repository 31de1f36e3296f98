"""NovelAI: `Comment` (JSON of settings), `Description` (the prompt), `Source` (the model).

The same fields are hidden in the alpha channel. From version 4 on the prompt is an object with a
caption for the whole picture and one for each character.
"""

from __future__ import annotations

import re
from typing import Any

from seedwitness.records.target import Claim
from seedwitness.targets.claims.reading import FieldFault, Settings, ToolReading, describe_origin
from seedwitness.targets.containers.fields import FieldGroup, parse_json

TOOL = "NovelAI"
KEYS = ("Title", "Description", "Software", "Source", "Comment", "Generation time")
MARKS = {"uc", "v4_prompt", "signed_hash", "request_type", "noise_schedule", "uncond_scale"}
_SOURCE_HASH = re.compile(r"(.*?)\s+([0-9A-F]{8})")
MAX_CHARACTERS = 16


def read(group: FieldGroup) -> ToolReading | None:
    """Read NovelAI's fields, or its settings object under any key."""
    key, content = _find_settings(group)
    if key is None:
        if group.fields.get("Software") == TOOL:
            raise FieldFault("Software", "no settings beside it")
        return None
    if isinstance(content.get("Comment"), str):  # hidden or nested fields
        inner, _ = parse_json(content["Comment"])
        content = inner if isinstance(inner, dict) else content
    settings = Settings(content)
    prompt, characters = _take_caption(settings, "v4_prompt")
    negative, negative_characters = _take_caption(settings, "v4_negative_prompt")
    source = group.fields.get("Source")
    named = _SOURCE_HASH.fullmatch(source.strip()) if source else None
    description = group.fields.get("Description")
    claim = Claim(
        tool=TOOL,
        prompt=prompt or settings.take_prompt("prompt") or settings.bound_prompt(description),
        negative_prompt=negative or settings.take_prompt("uc", "negative_prompt"),
        seed=settings.take_integer("seed"),
        sampler=settings.take_text("sampler"),
        schedule=settings.take_text("noise_schedule"),
        steps=settings.take_integer("steps"),
        guidance=settings.take_number("scale"),
        denoise=settings.take_number("strength"),
        width=settings.take_integer("width"),
        height=settings.take_integer("height"),
        batch_size=settings.take_integer("n_samples"),
        model=named[1] if named else source,
        model_hash=named[2] if named else None,
    )
    present = [name for name in KEYS if name in group.fields]
    others = describe_origin(group, key, *(name for name in present if name != key))
    for number, text in enumerate(characters, start=1):
        others[f"character {number}"] = text
    for number, text in enumerate(negative_characters, start=1):
        others[f"character {number}, negative"] = text
    others |= settings.format_others()
    claim = claim.model_copy(update={"others": others})
    return ToolReading([claim], {key, *present}, settings.faults)


def _find_settings(group: FieldGroup) -> tuple[str | None, dict[str, Any]]:
    names_tool = group.fields.get("Software") == TOOL or "Source" in group.fields
    for key, content in group.objects.items():
        if not isinstance(content, dict):
            continue
        has_settings = "sampler" in content or "steps" in content or "prompt" in content
        if (key == "Comment" and names_tool and has_settings) or (
            content.keys() & MARKS and has_settings and "c" not in content
        ):
            return key, content
        inner = content.get("Comment")
        if isinstance(inner, str) and content.keys() & {"Source", "Software"}:
            return key, content
    return None, {}


def _take_caption(settings: Settings, key: str) -> tuple[str | None, list[str]]:
    """The caption of the whole picture, and those of the characters."""
    value = settings.rest.get(key)
    caption = value.get("caption") if isinstance(value, dict) else None
    if not isinstance(caption, dict):
        return None, []
    listed = caption.get("char_captions")
    texts = [
        item["char_caption"]
        for item in (listed if isinstance(listed, list) else ())
        if isinstance(item, dict) and isinstance(item.get("char_caption"), str)
    ]
    if len(texts) > MAX_CHARACTERS:
        settings.faults.append(f"{len(texts) - MAX_CHARACTERS} characters of {key}")
    base = caption.get("base_caption")
    bounded = settings.bound_prompt(base) if isinstance(base, str) else None
    return bounded, [text[:2000] for text in texts[:MAX_CHARACTERS]]
