"""InvokeAI: `Dream` (version 1 and 2), `sd-metadata` (2), `invokeai_metadata` (3 to 5).

Version 3 and later also write the graph (`invokeai_graph`) and the canvas (`invokeai_workflow`).
"""

from __future__ import annotations

import re
from typing import Any

from seedwitness.records.target import Claim, ClaimedLora, ClaimedVariation
from seedwitness.targets.claims.reading import (
    FieldFault,
    Settings,
    ToolReading,
    describe_origin,
    parse_integer,
    parse_number,
    try_number,
)
from seedwitness.targets.containers.fields import FieldGroup
from seedwitness.targets.text_cleaning import shorten_text

TOOL = "InvokeAI"
METADATA_KEYS = ("invokeai_metadata", "invokeai", "invokeai_graph")
_DREAM = re.compile(r'\s*"((?:[^"\\]|\\.)*)"(.*)', re.DOTALL)
_FLAG = re.compile(r"\s-{1,2}([A-Za-z]\w*)(?:[ =]([^\s-][^\s]*|-[\d.]\S*))?")
_NEGATIVE = re.compile(r"\[([^\[\]]*)\]")
DREAM_FLAGS = {
    "s": "steps", "S": "seed", "W": "width", "H": "height", "C": "cfg_scale", "A": "sampler",
    "f": "strength", "V": "variations", "I": "init_img",
}  # fmt: skip


def read(group: FieldGroup) -> ToolReading | None:
    """Read InvokeAI's fields; of several with the same settings the most complete is read."""
    for key in METADATA_KEYS:
        metadata = _find_metadata(group.objects.get(key))
        if metadata is not None:
            return _read_metadata(group, key, metadata)
    if "sd-metadata" in group.fields:
        reading = _read_sd_metadata(group)
        if reading is not None:
            return reading
    if "Dream" in group.fields:
        return _read_dream(group)
    for key, content in group.objects.items():  # in EXIF or elsewhere under another key
        if isinstance(content, dict) and "app_version" in content and "positive_prompt" in content:
            return _read_metadata(group, key, content)
    present = [key for key in METADATA_KEYS if key in group.fields]
    if present:
        raise FieldFault(present[0], group.json_faults.get(present[0], "no settings"))
    return None


def _find_metadata(content: Any) -> dict[str, Any] | None:
    """The settings of an object: itself, or the node of a graph that holds them."""
    if not isinstance(content, dict):
        return None
    nodes = content.get("nodes")
    if isinstance(nodes, dict):
        for node in nodes.values():
            if isinstance(node, dict) and node.get("type") == "core_metadata":
                return node
        return None
    return content or None


def _read_metadata(group: FieldGroup, key: str, metadata: dict[str, Any]) -> ToolReading:
    settings = Settings(metadata)
    model = settings.take("model")
    scheduler = settings.take_text("scheduler")
    name, model_hash = _name_model(model)
    vae, _ = _name_model(settings.take("vae"))
    claim = Claim(
        tool=TOOL,
        prompt=settings.take_prompt("positive_prompt"),
        negative_prompt=settings.take_prompt("negative_prompt"),
        seed=settings.take_integer("seed"),
        sampler=scheduler,
        schedule="Karras" if scheduler and scheduler.endswith("_k") else None,
        steps=settings.take_integer("steps"),
        guidance=settings.take_number("cfg_scale", "guidance"),
        denoise=settings.take_number("strength"),
        width=settings.take_integer("width"),
        height=settings.take_integer("height"),
        rng=settings.take_text("rand_device"),
        clip_skip=_take_clip_skip(settings),
        model=name,
        model_hash=model_hash,
        vae=vae,
        loras=_list_loras(settings.rest.get("loras")),
    )
    others = describe_origin(group, key) | settings.format_others()
    used = {key} | ({"invokeai_graph", "invokeai_workflow"} & group.objects.keys())
    claim = claim.model_copy(update={"others": others})
    return ToolReading([claim], used, settings.faults)


def _take_clip_skip(settings: Settings) -> int | None:
    """InvokeAI counts the layers that are skipped, other tools the layer that is taken."""
    skipped = settings.take_integer("clip_skip")
    return skipped + 1 if skipped is not None and 0 <= skipped < 100 else None


def _name_model(model: Any) -> tuple[str | None, str | None]:
    if isinstance(model, dict):
        if isinstance(model.get("model"), dict):  # version 3: a model within its loader
            model = model["model"]
        name = model.get("name") or model.get("model_name") or model.get("key")
        model_hash = model.get("hash")
        return (
            shorten_text(str(name)) if name else None,
            shorten_text(str(model_hash)) if model_hash else None,
        )
    return (shorten_text(model), None) if isinstance(model, str) and model else (None, None)


def _list_loras(listed: Any) -> list[ClaimedLora]:
    loras = []
    for item in listed[:100] if isinstance(listed, list) else ():
        if isinstance(item, dict):
            name, lora_hash = _name_model(item.get("lora") or item.get("model"))
            weight = try_number(item.get("weight"))
            if name:
                loras.append(ClaimedLora(name=name, weight=weight, hash=lora_hash))
    return loras


def _read_sd_metadata(group: FieldGroup) -> ToolReading | None:
    key = "sd-metadata"
    content = group.objects.get(key)
    image = content.get("image") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(image, dict):
        if "Dream" in group.fields:
            return None
        raise FieldFault(key, group.json_faults.get(key, "no settings of an image"))
    settings = Settings({k: v for k, v in content.items() if k != "image"} | image)
    listed = settings.take("prompt")
    texts = (
        [item.get("prompt") if isinstance(item, dict) else item for item in listed]
        if (isinstance(listed, list))
        else [listed]
    )
    prompt, negative = _split_negatives(" ".join(text for text in texts if isinstance(text, str)))
    claim = Claim(
        tool=TOOL,
        prompt=settings.bound_prompt(prompt),
        negative_prompt=settings.bound_prompt(negative),
        seed=settings.take_integer("seed"),
        variations=_list_variations(settings),
        sampler=settings.take_text("sampler"),
        steps=settings.take_integer("steps"),
        guidance=settings.take_number("cfg_scale"),
        denoise=settings.take_number("strength", "strength_steps"),
        width=settings.take_integer("width"),
        height=settings.take_integer("height"),
        model=settings.take_text("model_weights"),
        model_hash=settings.take_text("model_hash"),
    )
    used = {key}
    origin = describe_origin(group, key)
    if "Dream" in group.fields:  # the same settings as a command
        origin |= describe_origin(group, "Dream")
        used.add("Dream")
    others = origin | settings.format_others()
    return ToolReading([claim.model_copy(update={"others": others})], used, settings.faults)


def _read_dream(group: FieldGroup) -> ToolReading:
    match = _DREAM.fullmatch(group.fields["Dream"])
    if match is None:
        raise FieldFault("Dream", "no prompt in quotes")
    prompt, negative = _split_negatives(match[1].replace('\\"', '"'))
    flags = {DREAM_FLAGS.get(flag[1], flag[1]): flag[2] or "yes" for flag in
             _FLAG.finditer(match[2])}  # fmt: skip
    settings = Settings(flags)
    claim = Claim(
        tool=TOOL,
        prompt=settings.bound_prompt(prompt),
        negative_prompt=settings.bound_prompt(negative),
        seed=settings.take_integer("seed"),
        variations=_list_variations(settings),
        sampler=settings.take_text("sampler"),
        steps=settings.take_integer("steps"),
        guidance=settings.take_number("cfg_scale"),
        denoise=settings.take_number("strength"),
        width=settings.take_integer("width"),
        height=settings.take_integer("height"),
    )
    others = describe_origin(group, "Dream") | settings.format_others()
    claim = claim.model_copy(update={"others": others})
    return ToolReading([claim], {"Dream"}, settings.faults)


def _split_negatives(text: str) -> tuple[str, str]:
    """The prompt and its parts in brackets, which are negative."""
    negatives = [match[1].strip(" ,") for match in _NEGATIVE.finditer(text)]
    prompt = re.sub(r" +", " ", _NEGATIVE.sub("", text))
    return prompt.strip(" ,"), ", ".join(part for part in negatives if part)


def _list_variations(settings: Settings) -> list[ClaimedVariation]:
    """Variations as `seed:weight,…` or as a list of pairs or objects."""
    listed = settings.take("variations", "with_variations")
    if isinstance(listed, str):
        listed = [item.split(":") for item in listed.split(",")]
    variations = []
    for item in listed[:16] if isinstance(listed, list) else ():
        pair = [item.get("seed"), item.get("weight")] if isinstance(item, dict) else item
        try:
            seed, strength = parse_integer(pair[0]), parse_number(pair[1])
        except (ValueError, TypeError, IndexError, KeyError, OverflowError):
            settings.faults.append(f"a variation {shorten_text(str(item), 60)!r}")
            continue
        if 0 < strength <= 1:
            variations.append(ClaimedVariation(seed=seed, strength=strength))
    return variations
