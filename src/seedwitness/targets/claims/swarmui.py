"""SwarmUI: a JSON object with `sui_image_params`, in `parameters` or the user comment."""

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

TOOL = "SwarmUI"
MARK = "sui_image_params"


def read(group: FieldGroup) -> ToolReading | None:
    """Read a settings object of SwarmUI."""
    for key, content in group.objects.items():
        if isinstance(content, dict) and isinstance(content.get(MARK), dict):
            return _read_settings(group, key, content)
    return None


def _read_settings(group: FieldGroup, key: str, content: dict[str, Any]) -> ToolReading:
    settings = Settings(content[MARK])
    models = content.get("sui_models")
    hashes = {
        str(item.get("param")): str(item["hash"])
        for item in (models if isinstance(models, list) else ())
        if isinstance(item, dict) and item.get("hash")
    }
    layer = settings.take_integer("clipstopatlayer")
    vae = settings.take_text("vae")
    claim = Claim(
        tool=TOOL,
        prompt=settings.take_prompt("prompt"),
        negative_prompt=settings.take_prompt("negativeprompt"),
        seed=settings.take_integer("seed"),
        variations=settings.take_variations("variationseed", "variationseedstrength"),
        sampler=settings.take_text("sampler", "comfyuisampler"),
        schedule=settings.take_text("scheduler", "comfyuischeduler"),
        steps=settings.take_integer("steps"),
        guidance=settings.take_number("cfgscale"),
        denoise=settings.take_number("initimagecreativity"),
        width=settings.take_integer("width"),
        height=settings.take_integer("height"),
        clip_skip=-layer if layer is not None and -100 < layer < 0 else None,
        model=settings.take_text("model"),
        model_hash=shorten_text(hashes["model"]) if "model" in hashes else None,
        vae=None if vae in NOT_SET else vae,
        vae_hash=shorten_text(hashes["vae"]) if "vae" in hashes else None,
        loras=_list_loras(settings),
    )
    extra = content.get("sui_extra_data")
    if isinstance(extra, dict):
        settings.rest |= {str(name): value for name, value in extra.items()}
    others = describe_origin(group, key) | settings.format_others()
    return ToolReading([claim.model_copy(update={"others": others})], {key}, settings.faults)


def _list_loras(settings: Settings) -> list[ClaimedLora]:
    """Names and weights, which are two lists, or two texts with commas."""

    def split(name: str) -> list[Any]:
        value = settings.rest.get(name)
        if isinstance(value, str):
            return [item.strip() for item in value.split(",") if item.strip()]
        return value if isinstance(value, list) else []

    names, weights = split("loras"), split("loraweights")
    return [
        ClaimedLora(
            name=shorten_text(str(name)),
            weight=try_number(weights[number]) if number < len(weights) else None,
        )
        for number, name in enumerate(names[:100])
    ]
