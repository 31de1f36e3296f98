"""Computes the recipes of one shard on a checkpoint, in batches that fit into memory."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.engine.latent_cache import Shard, hash_rows, read_shard, write_shard
from seedwitness.engine.sampling import embed_prompts_separately, sample_latents
from seedwitness.engine.schedulers import FLOAT32_NOISE, adds_noise, resolve_sampler
from seedwitness.errors import CheckpointError
from seedwitness.records.recipe import Recipe
from seedwitness.runtime.locks import exclusive_claim
from seedwitness.seeds import draw_noise
from seedwitness.seeds.step_noise import iter_step_noise

logger = logging.getLogger(__name__)

BatchLimits = dict[str, int]
"""By cache key, the batch size that fits into memory, where the configured one did not."""


def sample_recipes(loaded: LoadedCheckpoint, recipes: Sequence[Recipe]) -> tuple[Tensor, list[str]]:
    """Sample recipes in one batch: final latents [n, c, h, w] on the CPU, and hashes of the noise.

    The recipes may differ in prompts, seeds and batch indices only. A single recipe gives the
    latents of StableDiffusionPipeline bit for bit. Raises CheckpointError if the latents are not
    finite.
    """
    pipeline, first = loaded.pipeline, recipes[0]
    shape = loaded.latent_shape(first.width, first.height)
    noise = draw_noise(recipes, shape)
    sampler = resolve_sampler(pipeline.scheduler, first.sampler)
    latents = sample_latents(
        pipeline,
        embed_prompts_separately(pipeline, [recipe.prompt for recipe in recipes]),
        noise,
        num_inference_steps=first.steps,
        guidance_scale=first.guidance,
        sampler=sampler,
        negative=None
        if first.guidance == 1
        else embed_prompts_separately(
            pipeline, [recipe.negative_prompt for recipe in recipes], negative=True
        ),
        eta=first.eta,
        seeds=[recipe.seed for recipe in recipes],
        step_noise=iter_step_noise(
            recipes, shape, torch.float32 if sampler in FLOAT32_NOISE else None
        )
        if adds_noise(sampler, first.eta)
        else None,
    ).cpu()
    if not latents.isfinite().all():
        raise CheckpointError(
            f"{loaded.checkpoint.name} gives latents that are not finite numbers in {first.dtype} "
            f"at guidance {first.guidance}, {first.steps} steps: set its `dtype` to float32, or "
            "lower `search.guidance`."
        )
    return latents, hash_rows(noise)


def compute_shard(
    loaded: LoadedCheckpoint, shard: Shard, ledger: Path, limits: BatchLimits
) -> bool | None:
    """Compute and write one shard. Gives None if another process is computing it.

    Gives False if the shard was finished in the meantime, and else True. If memory runs out, the
    batch is halved, and ``limits`` carries the batch size that fits from shard to shard.
    """
    with exclusive_claim(shard.path(ledger)) as is_ours:
        if not is_ours:
            return None
        if read_shard(ledger, shard) is not None:
            return False
        latent_batches, noise_hashes = [], []
        start, batch = 0, limits.get(shard.key, shard.batches.batch)
        while start < len(shard.recipes):
            try:
                latents, hashes = sample_recipes(loaded, shard.recipes[start : start + batch])
            except (RuntimeError, MemoryError) as error:
                if batch == 1 or not _is_out_of_memory(error):
                    raise
                batch = limits[shard.key] = _halve_batch(loaded, batch)
                continue
            latent_batches.append(latents)
            noise_hashes += hashes
            start += batch
        write_shard(ledger, shard, torch.cat(latent_batches), noise_hashes)
    return True


def _is_out_of_memory(error: RuntimeError | MemoryError) -> bool:
    # oneDNN reports the second message if no memory is left for the code of a kernel.
    messages = ("can't allocate memory", "could not create a primitive")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
        message in str(error) for message in messages
    )


def _halve_batch(loaded: LoadedCheckpoint, batch: int) -> int:
    logger.warning(
        "Out of memory with %d images at a time on %s: going on with %d. The latents differ in the "
        "last bits at most. Lower search.batch to start with that size.",
        batch,
        loaded.checkpoint.name,
        batch // 2,
    )
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return batch // 2
