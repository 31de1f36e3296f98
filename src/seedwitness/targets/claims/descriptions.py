"""Midjourney's and DALL·E's descriptions: the prompt as prose, with flags or a date."""

from __future__ import annotations

import re

from seedwitness.records.target import Claim
from seedwitness.targets.claims.reading import Settings, ToolReading, describe_origin
from seedwitness.targets.containers.fields import FieldGroup

MIDJOURNEY, DALL_E = "Midjourney", "DALL·E"
MAX_DESCRIPTION = 100_000
_JOB = re.compile(r"\bJob ID: ?([0-9a-f]{8}-[0-9a-f-]{27})")
_FLAGS = re.compile(r"\s--([a-z]+)(?=\s|$)")
MIDJOURNEY_FLAGS = {"ar", "aspect", "v", "version", "niji", "stylize", "s", "chaos", "c", "seed",
                    "style", "iw", "no", "q", "quality", "weird", "tile", "raw"}  # fmt: skip
_DALL_E = re.compile(r"\s*DALL[·.\-]?E \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d - (.+)", re.DOTALL)


def read(group: FieldGroup) -> ToolReading | None:
    """Read the descriptions of a group, under any key."""
    claims: list[Claim] = []
    used, faults = set(), []
    for key, text in group.fields.items():
        if key in group.objects or len(text) > MAX_DESCRIPTION:
            continue
        dall_e = _DALL_E.fullmatch(text)
        if dall_e:
            settings = Settings({})
            prompt = settings.bound_prompt(dall_e[1].strip())
            others = describe_origin(group, key)
            claims.append(Claim(tool=DALL_E, prompt=prompt, others=others))
            used.add(key)
        elif (job := _JOB.search(text)) or _count_flags(text) >= 2:
            claim, claim_faults = _read_midjourney(group, key, text, job[1] if job else None)
            claims.append(claim)
            faults += claim_faults
            used.add(key)
    return ToolReading(claims, used, faults) if used else None


def _count_flags(text: str) -> int:
    return len({flag[1] for flag in _FLAGS.finditer(text)} & MIDJOURNEY_FLAGS)


def _read_midjourney(
    group: FieldGroup, key: str, text: str, job: str | None
) -> tuple[Claim, list[str]]:
    body = _JOB.sub("", text).strip()
    starts = list(_FLAGS.finditer(f" {body}"))
    prompt = body[: starts[0].start()].strip() if starts else body
    flags: dict[str, str] = {}
    for number, start in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(body) + 1
        value = f" {body}"[start.end() : end].strip() or "yes"
        flags.setdefault(start[1], value)
    settings = Settings(flags)
    version = settings.take("niji")
    version = f"niji {version}" if version else settings.take("v", "version")
    claim = Claim(
        tool=MIDJOURNEY,
        prompt=settings.bound_prompt(prompt),
        negative_prompt=settings.take_prompt("no"),
        seed=settings.take_integer("seed"),
        model=settings.bound_prompt(version),
    )
    others = describe_origin(group, key) | ({"job": job} if job else {})
    others |= settings.format_others()
    return claim.model_copy(update={"others": others}), settings.faults
