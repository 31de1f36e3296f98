"""What a file's own metadata say of its recipe, as far as it is possible at all.

Claims are easily forged, so they are never trusted: they only say what to try first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from seedwitness.attribution.recipe_fitting import can_take_steps
from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.records.recipe import Recipe
from seedwitness.records.target import Claim

MAX_GUIDANCE, MAX_STEPS = 50.0, 200
"""Limits of claimed values to try: a search takes long."""

SAMPLER_NAMES = {
    "ddim": "ddim",
    "euler": "euler",
    "k_euler": "euler",
    "euler a": "euler-a",
    "euler ancestral": "euler-a",
    "k_euler_a": "euler-a",
    "k_euler_ancestral": "euler-a",
    "dpm++ 2m": "dpmpp-2m",
    "dpmpp 2m": "dpmpp-2m",
    "k_dpmpp_2m": "dpmpp-2m",
}
"""Our name of a sampler by the tools' names, in lower case."""


def find_claimed_guidance(claims: Sequence[Claim]) -> float | None:
    """The first claimed guidance that is possible; None if there is none."""
    claimed = (claim.guidance for claim in claims if claim.guidance is not None)
    return next((guidance for guidance in claimed if 0 <= guidance <= MAX_GUIDANCE), None)


def find_claimed_steps(claims: Sequence[Claim]) -> int | None:
    """The first claimed number of steps that is possible; None if there is none."""
    claimed = (claim.steps for claim in claims if claim.steps is not None)
    return next((steps for steps in claimed if 0 < steps <= MAX_STEPS), None)


def apply_claims(start: Recipe, claims: Sequence[Claim], loaded: LoadedCheckpoint) -> list[Recipe]:
    """One recipe for each claim, with its values instead of those of ``start``.

    The seed stays: that is for the noise to say.
    """
    return [_apply_claim(start, claim, loaded) for claim in claims]


def _apply_claim(start: Recipe, claim: Claim, loaded: LoadedCheckpoint) -> Recipe:
    guidance, steps = find_claimed_guidance([claim]), find_claimed_steps([claim])
    if steps is None or not can_take_steps(loaded, steps):
        steps = start.steps
    recipe = replace(
        start,
        prompt=start.prompt if claim.prompt is None else claim.prompt,
        negative_prompt=claim.negative_prompt or "",
        guidance=start.guidance if guidance is None else guidance,
        steps=steps,
        sampler=_translate_sampler(claim.sampler) or start.sampler,
    )
    variation = _read_variation(claim)
    return recipe if variation is None else recipe.with_variation(*variation)


def _translate_sampler(name: str | None) -> str | None:
    if name is None:
        return None
    plain = name.lower().replace("_", " ").removeprefix("sample ")
    return SAMPLER_NAMES.get(name.lower()) or SAMPLER_NAMES.get(plain)


def _read_variation(claim: Claim) -> tuple[int, float] | None:
    """The claimed variation seed and its strength, as AUTOMATIC1111 writes them."""
    values = {key.lower(): value for key, value in claim.others.items()}
    seed = values.get("variation seed", "")
    try:
        strength = float(values.get("variation seed strength", ""))
    except ValueError:
        return None
    if not re.fullmatch(r"\d{1,20}", seed) or not 0 < strength <= 1 or math.isnan(strength):
        return None
    return int(seed), strength
