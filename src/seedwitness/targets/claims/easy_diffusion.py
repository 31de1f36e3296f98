"""Easy Diffusion: one text for each setting in a PNG, or a JSON object in the user comment.

Settings have the names of the program's interface (`num_inference_steps`), in older versions their
titles ("Number of inference steps").
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

TOOL = "Easy Diffusion"
TITLES = {
    "prompt": "prompt",
    "seed": "seed",
    "negative prompt": "negative_prompt",
    "stable diffusion model": "use_stable_diffusion_model",
    "vae model": "use_vae_model",
    "sampler": "sampler_name",
    "inference steps": "num_inference_steps",
    "number of inference steps": "num_inference_steps",
    "guidance scale": "guidance_scale",
    "prompt strength": "prompt_strength",
    "width": "width",
    "height": "height",
    "clip skip": "clip_skip",
    "lora model": "use_lora_model",
    "lora strength": "lora_alpha",
    "hypernetwork model": "use_hypernetwork_model",
}
"""The title of a setting in lower case → its name."""
MARKS = {"num_inference_steps", "use_stable_diffusion_model", "sampler_name", "guidance_scale"}


def read(group: FieldGroup) -> ToolReading | None:
    """Read the texts or the object of settings, of which two names of its own suffice."""
    own = _translate(group.fields)
    if len(own.keys() & MARKS) >= 2 and "prompt" in own:
        used = {key for key in group.fields if _translate_name(key) in own}
        return _read_settings(group, own, used, "prompt" if "prompt" in group.fields else "Prompt")
    for key, content in group.objects.items():
        if isinstance(content, dict):
            own = _translate(content)
            if len(own.keys() & MARKS) >= 2 and "prompt" in own:
                return _read_settings(group, own, {key}, key)
    return None


def _translate(settings: Any) -> dict[str, Any]:
    return {_translate_name(str(name)): value for name, value in settings.items()}


def _translate_name(name: str) -> str:
    return TITLES.get(name.lower(), name)


def _read_settings(group: FieldGroup, own: dict[str, Any], used: set[str], key: str) -> ToolReading:
    settings = Settings(own)
    skips = str(settings.take("clip_skip")).lower()
    vae = settings.take_text("use_vae_model")
    claim = Claim(
        tool=TOOL,
        prompt=settings.take_prompt("prompt"),
        negative_prompt=settings.take_prompt("negative_prompt"),
        seed=settings.take_integer("seed"),
        sampler=settings.take_text("sampler_name"),
        schedule=settings.take_text("scheduler_name"),
        steps=settings.take_integer("num_inference_steps"),
        guidance=settings.take_number("guidance_scale"),
        denoise=settings.take_number("prompt_strength"),
        width=settings.take_integer("width"),
        height=settings.take_integer("height"),
        clip_skip=2 if skips == "true" else None,  # it has a switch for the last layer but one
        model=settings.take_text("use_stable_diffusion_model"),
        vae=None if vae in NOT_SET else vae,
        loras=_list_loras(settings),
    )
    others = describe_origin(group, key) | settings.format_others()
    return ToolReading([claim.model_copy(update={"others": others})], used, settings.faults)


def _list_loras(settings: Settings) -> list[ClaimedLora]:
    names, weights = settings.take("use_lora_model"), settings.take("lora_alpha")
    names = names if isinstance(names, list) else [names]
    weights = weights if isinstance(weights, list) else [weights]
    return [
        ClaimedLora(
            name=shorten_text(str(name)),
            weight=try_number(weights[number]) if number < len(weights) else None,
        )
        for number, name in enumerate(names[:100])
        if name not in NOT_SET
    ]
