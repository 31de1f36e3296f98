"""Read claims: what a file says about its making, which anyone can forge. One file a tool.

A reader gets the text fields of one location and gives claims, or None if nothing there is of its
tool. Tools are recognised by the form of the text and not by its place, because files are converted
and their metadata moved. All that no reader used is named.
"""

from __future__ import annotations

from typing import NamedTuple

from seedwitness.records.target import Claim
from seedwitness.targets.claims import (
    a1111,
    civitai,
    comfyui,
    descriptions,
    draw_things,
    easy_diffusion,
    fooocus,
    invokeai,
    novelai,
    source_type,
    swarmui,
)
from seedwitness.targets.claims.reading import FieldFault, Reader
from seedwitness.targets.containers.fields import FieldGroup
from seedwitness.targets.text_cleaning import (
    describe_error,
    describe_hidden_characters,
    shorten_text,
)

READERS: dict[str, Reader] = {
    "SwarmUI": swarmui.read,
    "Fooocus": fooocus.read,
    "Draw Things": draw_things.read,
    "InvokeAI": invokeai.read,
    "NovelAI": novelai.read,
    "Easy Diffusion": easy_diffusion.read,
    "Civitai": civitai.read,
    "AUTOMATIC1111": a1111.read,
    "ComfyUI": comfyui.read,
    "Midjourney, DALL·E": descriptions.read,
    "IPTC DigitalSourceType": source_type.read,
}
"""The readers in the order in which they are asked."""
MAX_CLAIMS = 50
"""Claims of a file that are kept."""
MAX_UNREAD_FIELDS = 100
"""Unread fields of a group that are named one by one; the others are counted."""


class ParsedClaims(NamedTuple):
    """Claims, and the metadata that could not be read, each with the reason."""

    claims: list[Claim]
    unread: list[str]


def parse_groups(groups: list[FieldGroup]) -> ParsedClaims:
    """Read the claims of all groups of fields; the same claim in two places counts once.

    Never raises. Claims beyond ``MAX_CLAIMS`` are counted in ``unread``.
    """
    claims: list[Claim] = []
    unread: list[str] = []
    left_out = 0
    for group in groups:
        parsed = parse_field_group(group)
        elsewhere = list(claims)
        for claim in parsed.claims:
            if any(_is_same(claim, other) for other in elsewhere):
                continue
            if len(claims) < MAX_CLAIMS:
                claims.append(claim)
            else:
                left_out += 1
        unread += [text for text in parsed.unread if text not in unread]
    if left_out:
        unread.append(f"{left_out:,} claims beyond {MAX_CLAIMS}")
    return ParsedClaims(claims, unread)


def parse_field_group(group: FieldGroup) -> ParsedClaims:
    """Read the claims of one group of fields; fields that no reader used are listed as unread."""
    claims: list[Claim] = []
    unread: list[str] = []
    used: set[str] = set()
    reasons: dict[str, list[str]] = {}
    rest = group
    for tool, reader in READERS.items():
        if used & rest.fields.keys():
            rest = rest.without(used)
        if not rest.fields:
            break
        try:
            reading = reader(rest)
        except FieldFault as fault:
            reasons.setdefault(fault.key, []).append(f"{tool}: {describe_error(fault)}")
            continue
        except Exception as error:  # forged settings may lead to anything in a reader
            for key in rest.fields:
                reasons.setdefault(key, []).append(f"{tool}: {describe_error(error)}")
            continue
        if reading is None:
            continue
        claims += reading.claims
        used |= reading.used_keys
        name = reading.claims[0].tool if reading.claims else tool
        unread += [f"{group.location} ({name}): {fault}" for fault in reading.faults]
    for key in sorted(used & group.fields.keys()):
        where = f"{group.location} `{shorten_text(key)}`"
        if key in group.json_faults:
            unread.append(f"{where}: {group.json_faults[key]}")
        if hidden := describe_hidden_characters(group.fields[key]):
            unread.append(f"{where}: {hidden}")
    unread += _list_unread(group, used, reasons)
    return ParsedClaims(claims, unread)


def _list_unread(group: FieldGroup, used: set[str], reasons: dict[str, list[str]]) -> list[str]:
    lines = []
    for key, text in group.fields.items():
        if key in used or (not group.is_settings and key not in reasons and len(text) <= 200):
            continue  # short values of EXIF and XMP stand in the record as they are
        listed = reasons.get(key) or [group.json_faults.get(key, "no known tool's settings")]
        lines.append(
            f"{group.location} `{shorten_text(key)}` ({'; '.join(listed)}): {shorten_text(text)}"
        )
    if len(lines) > MAX_UNREAD_FIELDS:
        more = f"{group.location}: {len(lines) - MAX_UNREAD_FIELDS:,} more fields of no known tool"
        lines = [*lines[:MAX_UNREAD_FIELDS], more]
    return lines


def _is_same(claim: Claim, other: Claim) -> bool:
    """Whether two claims state the same, wherever they stand."""
    return claim.model_copy(update={"others": {}}) == other.model_copy(update={"others": {}})
