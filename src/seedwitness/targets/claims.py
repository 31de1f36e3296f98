"""Parse generation metadata to claims: what a file says about its making, which anyone can forge.

The formats are parsed by sd-parsers. Only its parsers are used: its extractors cache what they read
in a global under the ``id`` of the image, so one picture can get the comment of another; they also
know only one byte order of EXIF and no size limit for text hidden in the alpha channel.
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
from seedwitness.targets.metadata_fields import FieldGroup, read_field_groups
from seedwitness.targets.text_cleaning import describe_error, replace_surrogates, shorten_text

# The keys that each parser reads; a parser runs only if one of its keys is present.
PARSER_KEYS: dict[type[Parser], set[str]] = {
    FooocusParser: {"parameters"},
    AUTOMATIC1111Parser: {"parameters"},
    ComfyUIParser: {"prompt", "workflow"},
    InvokeAIParser: {"invokeai_metadata", "invokeai_graph", "sd-metadata", "Dream"},
    NovelAIParser: {"Comment", "Description", "Source"},
}
SEED_KEYS = ("seed", "noise_seed")
STEPS_KEYS = ("steps",)
GUIDANCE_KEYS = ("cfg_scale", "guidance_scale", "scale")
SIZE_KEYS = ("Size", "size", "resolution")
_SIZE_PATTERN = re.compile(r"\(?\s*(\d{1,6})\s*[x×,]\s*(\d{1,6})\s*\)?")
_MAX_SETTING_LENGTH = 2000
"""Characters of a setting that are shown: styles' prompts are longer than EXIF values."""

T = TypeVar("T")


class ParsedClaims(NamedTuple):
    """Claims, and the metadata that could not be read, each with the reason."""

    claims: list[Claim]
    unread: list[str]


def read_claims(image: Image.Image) -> ParsedClaims:
    """Read the claims of an opened picture's metadata, one claim per sampler. Never raises."""
    groups, unread = read_field_groups(image)
    claims: list[Claim] = []
    for group in groups:
        parsed = parse_field_group(group)
        claims += [claim for claim in parsed.claims if claim not in claims]
        unread += [text for text in parsed.unread if text not in unread]
    return ParsedClaims(claims, unread)


def parse_field_group(group: FieldGroup) -> ParsedClaims:
    """Parse the claims of one group of fields; fields that no parser used are listed as unread."""
    fields = group.fields
    claims: list[Claim] = []
    unread: list[str] = []
    read_keys: set[str] = set()
    reasons: dict[str, list[str]] = {}
    for parser, keys in PARSER_KEYS.items():
        present = keys & fields.keys()
        if not present or present <= read_keys:
            continue
        faults: list[str] = []
        try:
            info = parser().parse(dict(fields))
            new_claims = _make_claims(info, group.location, keys, faults)
        except Exception as error:  # a parser may raise anything on forged input
            for key in present:
                reasons.setdefault(key, []).append(
                    f"{parser.generator.value}: {describe_error(error)}"
                )
            continue
        unread += faults
        claims += new_claims
        used_keys = present & info.raw_parameters.keys()
        read_keys |= used_keys
        for key in present - used_keys:  # InvokeAI writes the same settings in several formats
            reason = f"{parser.generator.value}: read from {', '.join(sorted(used_keys))}"
            reasons.setdefault(key, []).append(reason)
    for key, text in fields.items():
        if key not in read_keys:
            reason_text = "; ".join(reasons.get(key, ["no generator's key"]))
            unread.append(
                f"{group.location} `{shorten_text(key)}` ({reason_text}): {shorten_text(text)}"
            )
    return ParsedClaims(claims, unread)


def _make_claims(info: PromptInfo, location: str, keys: set[str], unread: list[str]) -> list[Claim]:
    tool = info.generator.value
    # Parsers drop what does not fit their format, so the beginning of the text is kept as well.
    original_texts = {f"as written, {k}": v for k, v in info.raw_parameters.items() if k in keys}
    if not info.samplers:
        unread.append(f"{location} ({tool}): no node that samples was recognised")
        return [
            Claim(
                tool=tool,
                others=_format_settings({"found in": location, **info.metadata, **original_texts}),
            )
        ]
    count = len(info.samplers)
    claims = []
    for number, sampler in enumerate(info.samplers, start=1):
        settings = {**info.metadata, **sampler.parameters}
        faults: list[str] = []
        width, height = _take_size(settings, faults)
        claim = Claim(
            tool=tool,
            prompt=_join_prompts(sampler.prompts),
            negative_prompt=_join_prompts(sampler.negative_prompts),
            seed=_take_setting(settings, SEED_KEYS, _parse_integer, faults),
            sampler=_format_optional(sampler.name),
            steps=_take_setting(settings, STEPS_KEYS, _parse_integer, faults),
            guidance=_take_setting(settings, GUIDANCE_KEYS, _parse_number, faults),
            width=width,
            height=height,
            model=_format_optional(sampler.model.name) if sampler.model else None,
            model_hash=_format_optional(sampler.model.hash) if sampler.model else None,
        )
        unread += [f"{location} ({tool}): {fault}" for fault in faults]
        location_setting = {"found in": location} | (
            {"sampler": f"{number} of {count}"} if count > 1 else {}
        )
        claims.append(
            claim.model_copy(
                update={
                    "others": _format_settings({**location_setting, **settings, **original_texts})
                }
            )
        )
    return claims


def _take_setting(
    settings: dict[str, Any], keys: Sequence[str], parse: Callable[[Any], T], unread: list[str]
) -> T | None:
    """Remove and return the first of ``keys`` that parses; report those that do not, keep them."""
    for key in keys:
        if settings.get(key) in (None, ""):
            continue
        try:
            value = parse(settings[key])
        except (ValueError, TypeError, OverflowError) as error:
            unread.append(
                f"{key} {shorten_text(str(settings[key]), 60)!r}: {shorten_text(str(error))}"
            )
            continue
        del settings[key]
        return value
    return None


def _parse_integer(value: Any) -> int:
    number = int(value)
    if isinstance(value, float) and number != value:
        raise ValueError("no whole number")
    if not -(1 << 63) <= number < 1 << 64:
        raise ValueError("beyond 64 bits")
    return number


def _parse_number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("no finite number")
    return number


def _take_size(settings: dict[str, Any], unread: list[str]) -> tuple[int | None, int | None]:
    """Width and height, which each tool writes in its own way."""
    both = _take_setting(settings, SIZE_KEYS, _parse_size, unread) or _find_latent_size(settings)
    if both is not None:
        return both
    width = _take_setting(settings, ("width",), _parse_integer, unread)
    return width, _take_setting(settings, ("height",), _parse_integer, unread)


def _parse_size(value: Any) -> tuple[int, int]:
    match = _SIZE_PATTERN.fullmatch(str(value).strip())
    if match is None:
        raise ValueError("no width and height")
    return int(match[1]), int(match[2])


def _find_latent_size(settings: dict[str, Any]) -> tuple[int, int] | None:
    """Find the size of ComfyUI's empty latents; None unless all have the same size."""
    sizes = {
        (_parse_integer(node["width"]), _parse_integer(node["height"]))
        for node_type, nodes in settings.items()
        if node_type.startswith("Empty") and "Latent" in node_type and isinstance(nodes, list)
        for node in nodes
        if isinstance(node, dict) and {"width", "height"} <= node.keys()
    }
    return sizes.pop() if len(sizes) == 1 else None


def _join_prompts(prompts: Sequence[Prompt]) -> str | None:
    return replace_surrogates(", ".join(str(prompt.value) for prompt in prompts)) or None


def _format_optional(value: Any) -> str | None:
    return None if value in (None, "") else shorten_text(str(value))


def _format_settings(settings: dict[str, Any]) -> dict[str, str]:
    return {
        shorten_text(str(key)): shorten_text(
            value if isinstance(value, str) else json.dumps(value, default=str), _MAX_SETTING_LENGTH
        )
        for key, value in settings.items()
    }
