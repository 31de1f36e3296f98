"""What a file's own metadata say of its recipe, as far as it is possible at all.

Claims are easily forged, so they are never trusted: they only say what to try first. What a claim
states and this version cannot try is listed, so that nobody takes it for tried.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from seedwitness.attribution.recipe_fitting import can_take_steps
from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import ScanSettings
from seedwitness.engine.sampler_names import find_tool_sampler, translate_sampler
from seedwitness.engine.schedulers import adds_noise, describe_scheduler, is_flow
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.recipe import Recipe
from seedwitness.records.target import Claim, ClaimedLora
from seedwitness.seeds import KEY_COUNT, MAX_BATCH_SIZE, is_seed_reduced
from seedwitness.seeds.torch_cpu import BLOCK_SIZE, SEED_COUNT

MAX_GUIDANCE, MAX_STEPS = 50.0, 200
"""Limits of claimed values to try: a search takes long."""
MAX_SIDE = 4096
MAX_VARIATIONS = 4
"""Variation seeds of a claim that are tried."""
MIN_VARIATION_SEARCHED = 0.5
"""Strength from which the noise of a variation seed outweighs that of the seed."""
MAX_UNUSED = 50
MIN_HASH_DIGITS = 8
SHARED_GENERATOR_TOOLS = ("ComfyUI", "SwarmUI")
"""Tools that draw a batch from one generator, so that a later picture has no seed of its own."""
USUAL_CLIP_SKIPS = (None, 0, 1)
"""The text encoder's last layer, which the engine takes."""
USUAL_SCHEDULES = ("normal", "uniform", "automatic", "none", "default", "discrete", "native")
"""Schedules that space the steps evenly, as a checkpoint's own scheduler does."""


def find_claimed_guidance(claims: Sequence[Claim]) -> float | None:
    """The first claimed guidance that is possible; None if there is none."""
    claimed = (claim.guidance for claim in claims if claim.guidance is not None)
    return next((guidance for guidance in claimed if 0 <= guidance <= MAX_GUIDANCE), None)


def find_claimed_steps(claims: Sequence[Claim]) -> int | None:
    """The first claimed number of steps that is possible; None if there is none."""
    claimed = (claim.steps for claim in claims if claim.steps is not None)
    return next((steps for steps in claimed if 0 < steps <= MAX_STEPS), None)


def list_claimed_seeds(claims: Sequence[Claim]) -> list[int]:
    """The claimed seeds, and the variation seeds whose noise outweighs that of the seed."""
    seeds = [claim.seed for claim in claims if claim.seed is not None]
    seeds += [
        variation.seed
        for claim in claims
        for variation in claim.variations
        if variation.strength >= MIN_VARIATION_SEARCHED
    ]
    return list(dict.fromkeys(seeds))


def list_claimed_offsets(claims: Sequence[Claim]) -> list[int]:
    """What claims add to the seed for the noise after steps (AUTOMATIC1111's ENSD)."""
    offsets = (claim.step_seed_offset for claim in claims)
    return list(dict.fromkeys(offset for offset in offsets if offset))


def list_claimed_sizes(claims: Sequence[Claim]) -> list[tuple[int, int]]:
    """The claimed widths and heights of the sampled image, in pixels, as far as they can be."""
    sizes = ((claim.width or 0, claim.height or 0) for claim in claims)
    return list(dict.fromkeys(size for size in sizes if 0 < min(size) <= max(size) <= MAX_SIDE))


def apply_claims(start: Recipe, claims: Sequence[Claim], loaded: LoadedCheckpoint) -> list[Recipe]:
    """One recipe for each claim, with its values instead of those of ``start``.

    The seed stays: that is for the noise to say. Only where the noise found is that of a variation
    seed, the claim's own seed is the recipe's, with the variation mixed in. Where a claim names a
    tool and its sampler, the tool's way comes before diffusers'.
    """
    recipes = []
    for claim in claims:
        recipe = _apply_claim(start, claim, loaded)
        by_tool = find_tool_sampler(claim.tool, claim.sampler, claim.schedule)
        is_known = not is_flow(describe_scheduler(loaded.pipeline.scheduler))
        is_plain = not (recipe.variations or recipe.batch_index or recipe.batch_size)
        adds = adds_noise(by_tool, 0) and (not is_plain or recipe.resize_width)
        if by_tool and is_known and not adds:
            recipes.append(replace(recipe, sampler=by_tool))
        recipes.append(recipe)
    return recipes


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
        sampler=translate_sampler(claim.sampler) or start.sampler,
    )
    mixed = [v for v in claim.variations if 0 <= v.seed < KEY_COUNT][:MAX_VARIATIONS]
    is_variation = any(_reduce(v.seed, start.rng) == start.seed for v in mixed)
    if is_variation and claim.seed is not None and 0 <= claim.seed < KEY_COUNT:
        recipe = replace(recipe, seed=_reduce(claim.seed, start.rng))
    if mixed and claim.tool == "InvokeAI":
        recipe = replace(recipe, variation_rule="invokeai")
    for variation in mixed:
        recipe = recipe.with_variation(_reduce(variation.seed, start.rng), variation.strength)
    if claim.seed_resize_width and claim.seed_resize_height:
        sides = claim.seed_resize_width, claim.seed_resize_height
        if all(0 < side <= 4096 and side % loaded.checkpoint.latent_scale == 0 for side in sides):
            recipe = replace(recipe, resize_width=sides[0], resize_height=sides[1])
    if _is_drawn_at_once(claim, recipe, loaded):
        recipe = replace(recipe, batch_size=claim.batch_size or 0)
    is_plain = not (recipe.variations or recipe.batch_index or recipe.batch_size)
    if adds_noise(recipe.sampler, 0) and (not is_plain or recipe.resize_width):
        # How the noise of the steps is drawn then is not known.
        recipe = replace(recipe, sampler=start.sampler)
    return recipe


def _is_drawn_at_once(claim: Claim, recipe: Recipe, loaded: LoadedCheckpoint) -> bool:
    """Whether the claimed batch has other noise than pictures drawn one after the other."""
    size = claim.batch_size or 0
    elements = math.prod(loaded.latent_shape(recipe.width, recipe.height))
    is_shared = claim.tool in SHARED_GENERATOR_TOOLS and recipe.rng.startswith("torch-cpu")
    is_odd = elements % BLOCK_SIZE != 0
    return is_shared and is_odd and max(1, recipe.batch_index) < size <= MAX_BATCH_SIZE


def _reduce(seed: int, rng: str) -> int:
    """The seed as an RNG algorithm takes it: torch's CPU generator modulo 2^32."""
    return seed % SEED_COUNT if is_seed_reduced(rng, seed) else seed


def list_unused_settings(
    claims: Sequence[Claim], checkpoint: CheckpointIdentity, settings: ScanSettings
) -> list[str]:
    """What claims state and no recipe takes up, each as its name and value, such as "clip skip 2".

    Such a setting changes the image, so that a recipe without it does not give the image back. A
    model's hash is taken up if it is that of one of the checkpoint's files (the first digits of its
    SHA-256, as AUTOMATIC1111 writes it). ``settings`` say which generators and draws are scanned.
    """
    unused: dict[str, None] = {}
    for claim in claims:
        texts = _list_unused(claim, checkpoint, settings)
        unused.update((_escape_unprintable(text), None) for text in texts)
    return list(unused)[:MAX_UNUSED]


def _list_unused(claim: Claim, checkpoint: CheckpointIdentity, settings: ScanSettings) -> list[str]:
    unused = []
    if claim.seed is not None and claim.seed >= SEED_COUNT:
        whole_key = [
            name for name in settings.rng_algorithms if not is_seed_reduced(name, claim.seed)
        ]
        if whole_key:
            unused.append(f"seed {claim.seed} as a key of 64 bits, by {' or '.join(whole_key)}")
    for name, value in (("model hash", claim.model_hash), ("VAE hash", claim.vae_hash)):
        if value and not _is_file_hash(value, checkpoint):
            unused.append(f"{name} {value}, which is of no file of the checkpoint")
    if (
        claim.batch_size
        and claim.batch_size > settings.draws
        and claim.tool in SHARED_GENERATOR_TOOLS
    ):
        unused.append(f"a batch of {claim.batch_size} pictures from one generator")
    if claim.clip_skip not in USUAL_CLIP_SKIPS:
        unused.append(f"clip skip {claim.clip_skip}")
    unused += [f"LoRA {_describe_lora(lora)}" for lora in claim.loras]
    by_tool = find_tool_sampler(claim.tool, claim.sampler, claim.schedule)
    if claim.schedule and claim.schedule.lower() not in USUAL_SCHEDULES and not by_tool:
        unused.append(f"schedule {claim.schedule}")
    if claim.sampler and translate_sampler(claim.sampler) is None and not by_tool:
        unused.append(f"sampler {claim.sampler}")
    if claim.vae and not claim.vae_hash:
        unused.append(f"VAE {claim.vae}")
    if claim.denoise is not None and claim.denoise != 1:
        unused.append(f"denoising strength {claim.denoise:g}")
    if len(claim.variations) > MAX_VARIATIONS:
        unused.append(f"{len(claim.variations) - MAX_VARIATIONS} further variation seeds")
    if claim.guidance is not None and find_claimed_guidance([claim]) is None:
        unused.append(f"guidance {claim.guidance:g}")
    if claim.steps is not None and find_claimed_steps([claim]) is None:
        unused.append(f"steps {claim.steps}")
    return unused


def _escape_unprintable(text: str) -> str:
    return "".join(c if c.isprintable() else f"U+{ord(c):04X}" for c in text)


def _is_file_hash(value: str, checkpoint: CheckpointIdentity) -> bool:
    digits = value.lower().removeprefix("0x").removeprefix("sha256:")
    hashes = (h for component in checkpoint.components for h in component.files.values())
    return len(digits) >= MIN_HASH_DIGITS and any(h.startswith(digits) for h in hashes)


def _describe_lora(lora: ClaimedLora) -> str:
    return lora.name if lora.weight is None else f"{lora.name} of weight {lora.weight:g}"
