"""Generation metadata as claims: what a file says of how it was made, which anyone can write.

The formats are read by sd-parsers. Its parsers only: its extractors keep what they read under the
``id`` of the image in a global, so that one picture can be given the comment of another, and know
neither other byte orders of EXIF nor a bound for what is hidden in the alpha channel.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from PIL import Image
from sd_parsers.data import Prompt, PromptInfo
from sd_parsers.parsers import (
    AUTOMATIC1111Parser,
    ComfyUIParser,
    FooocusParser,
    InvokeAIParser,
    NovelAIParser,
    Parser,
)

from seedwitness.records.target import Claim
from seedwitness.targets.metadata_fields import Source, sources
from seedwitness.targets.text_cleaning import shortened, valid, why

# The keys that a parser reads; without one of them it is not asked.
PARSERS: dict[type[Parser], set[str]] = {
    FooocusParser: {"parameters"},
    AUTOMATIC1111Parser: {"parameters"},
    ComfyUIParser: {"prompt", "workflow"},
    InvokeAIParser: {"invokeai_metadata", "invokeai_graph", "sd-metadata", "Dream"},
    NovelAIParser: {"Comment", "Description", "Source"},
}
SEED = ("seed", "noise_seed")
STEPS = ("steps",)
GUIDANCE = ("cfg_scale", "guidance_scale", "scale")
SIZE = ("Size", "size", "resolution")
_SIZE = re.compile(r"\(?\s*(\d{1,6})\s*[x×,]\s*(\d{1,6})\s*\)?")
_LONGEST = 2000
"""Characters of a setting that are shown: prompts of styles are longer than EXIF's values."""

T = TypeVar("T")


class Read(NamedTuple):
    """Claims, and what of the metadata could not be read, with the reason."""

    claims: list[Claim]
    unread: list[str]


def read(image: Image.Image) -> Read:
    """What the metadata of an opened picture claims, a claim for each sampler. Never raises."""
    places, unread = sources(image)
    claims: list[Claim] = []
    for place in places:
        found = interpreted(place)
        claims += [claim for claim in found.claims if claim not in claims]
        unread += [each for each in found.unread if each not in unread]
    return Read(claims, unread)


def interpreted(place: Source) -> Read:
    """The claims of one place; every field that no parser made sense of is named as unread."""
    fields = place.fields
    claims: list[Claim] = []
    unread: list[str] = []
    read_keys: set[str] = set()
    reasons: dict[str, list[str]] = {}
    for parser, keys in PARSERS.items():
        present = keys & fields.keys()
        if not present or present <= read_keys:
            continue
        said: list[str] = []
        try:
            info = parser().parse(dict(fields))
            made = _claims(info, place.where, keys, said)
        except Exception as error:  # a parser fed with anything at all may raise anything at all
            for key in present:
                reasons.setdefault(key, []).append(f"{parser.generator.value}: {why(error)}")
            continue
        unread += said
        claims += made
        used = present & info.raw_parameters.keys()
        read_keys |= used
        for key in present - used:  # InvokeAI writes the same settings in several ways
            spare = f"{parser.generator.value}: read from {', '.join(sorted(used))}"
            reasons.setdefault(key, []).append(spare)
    for key, text in fields.items():
        if key not in read_keys:
            because = "; ".join(reasons.get(key, ["no generator's key"]))
            unread.append(f"{place.where} `{shortened(key)}` ({because}): {shortened(text)}")
    return Read(claims, unread)


def _claims(info: PromptInfo, where: str, keys: set[str], unread: list[str]) -> list[Claim]:
    tool = info.generator.value
    # Parsers drop what does not fit their format: the beginning of the text itself is kept too.
    written = {f"as written, {k}": v for k, v in info.raw_parameters.items() if k in keys}
    if not info.samplers:
        unread.append(f"{where} ({tool}): no node that samples was recognised")
        return [Claim(tool=tool, others=_texts({"found in": where, **info.metadata, **written}))]
    count = len(info.samplers)
    claims = []
    for number, sampler in enumerate(info.samplers, start=1):
        settings = {**info.metadata, **sampler.parameters}
        said: list[str] = []
        width, height = _size(settings, said)
        claim = Claim(
            tool=tool,
            prompt=_joined(sampler.prompts),
            negative_prompt=_joined(sampler.negative_prompts),
            seed=_taken(settings, SEED, _whole, said),
            sampler=_text(sampler.name),
            steps=_taken(settings, STEPS, _whole, said),
            guidance=_taken(settings, GUIDANCE, _real, said),
            width=width,
            height=height,
            model=_text(sampler.model.name) if sampler.model else None,
            model_hash=_text(sampler.model.hash) if sampler.model else None,
        )
        unread += [f"{where} ({tool}): {each}" for each in said]
        place = {"found in": where} | ({"sampler": f"{number} of {count}"} if count > 1 else {})
        claims.append(claim.model_copy(update={"others": _texts({**place, **settings, **written})}))
    return claims


def _taken(
    settings: dict[str, Any], keys: Sequence[str], read: Callable[[Any], T], unread: list[str]
) -> T | None:
    """The first of the keys that can be read, taken out; one that cannot stays, and is named."""
    for key in keys:
        if settings.get(key) in (None, ""):
            continue
        try:
            value = read(settings[key])
        except (ValueError, TypeError, OverflowError) as error:
            unread.append(f"{key} {shortened(str(settings[key]), 60)!r}: {shortened(str(error))}")
            continue
        del settings[key]
        return value
    return None


def _whole(value: Any) -> int:
    number = int(value)
    if isinstance(value, float) and number != value:
        raise ValueError("no whole number")
    if not -(1 << 63) <= number < 1 << 64:
        raise ValueError("beyond 64 bits")
    return number


def _real(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("no finite number")
    return number


def _size(settings: dict[str, Any], unread: list[str]) -> tuple[int | None, int | None]:
    """Width and height, which each tool writes in its own way."""
    both = _taken(settings, SIZE, _pair, unread) or _of_latents(settings)
    if both is not None:
        return both
    width = _taken(settings, ("width",), _whole, unread)
    return width, _taken(settings, ("height",), _whole, unread)


def _pair(value: Any) -> tuple[int, int]:
    match = _SIZE.fullmatch(str(value).strip())
    if match is None:
        raise ValueError("no width and height")
    return int(match[1]), int(match[2])


def _of_latents(settings: dict[str, Any]) -> tuple[int, int] | None:
    """The size of ComfyUI's empty latents, where the workflow has those of one size only."""
    sizes = {
        (_whole(node["width"]), _whole(node["height"]))
        for kind, nodes in settings.items()
        if kind.startswith("Empty") and "Latent" in kind and isinstance(nodes, list)
        for node in nodes
        if isinstance(node, dict) and {"width", "height"} <= node.keys()
    }
    return sizes.pop() if len(sizes) == 1 else None


def _joined(prompts: Sequence[Prompt]) -> str | None:
    return valid(", ".join(str(each.value) for each in prompts)) or None


def _text(value: Any) -> str | None:
    return None if value in (None, "") else shortened(str(value))


def _texts(settings: dict[str, Any]) -> dict[str, str]:
    return {
        shortened(str(key)): shortened(
            value if isinstance(value, str) else json.dumps(value, default=str), _LONGEST
        )
        for key, value in settings.items()
    }
