"""Computes what the ledger does not hold yet, in this process or in several, and shows how far.

The result does not depend on how many processes there are, on their order, or on what was done
before; see ``ledger``. A worker reckons with as many threads as this process does, because the
number of threads may change last bits too.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from seedwitness.checkpoints.loading import LoadedCheckpoint, load_pipeline
from seedwitness.engine import latent_cache as ledgers
from seedwitness.engine.latent_cache import Sample, Shard
from seedwitness.engine.sampling import embed_each, sample_latents, tokens_cut
from seedwitness.errors import CheckpointError, SeedwitnessError, WriteError
from seedwitness.records.recipe import Recipe
from seedwitness.runtime.cores import available_cores
from seedwitness.runtime.files import PAUSE, exclusive_claim, share_work
from seedwitness.seeds import noise, step_generators

logger = logging.getLogger(__name__)

Progress = Callable[[dict[str, Sample]], str]
"""Is given each shard when it is there; what it returns stands beside the bar."""


@dataclass(frozen=True)
class ExecutionResult:
    """What recipes gave, by recipe id, and how many shards were found and computed."""

    samples: dict[str, Sample]
    found: int
    computed: int


def execute(
    loaded: LoadedCheckpoint,
    recipes: Sequence[Recipe],
    *,
    batch: int,
    shard: int,
    workers: int = 1,
    ledger: Path = ledgers.DEFAULT_ROOT,
    watch: Progress | None = None,
) -> ExecutionResult:
    """Run any recipes on a checkpoint: what the ledger holds is read, the rest computed.

    Recipes of different prompts, and of different targets, may be given at once: ``batch`` of them
    go through the denoiser together, ``shard`` are written together. A prompt that is longer than
    the text encoder's limit is cut there, and a warning says by how much. Killed at any time, it
    goes on where it was: what is lost are the shards in flight. Of two processes on one ledger none
    does what the other is doing. Where memory runs out, the batch is halved, and a warning says so.

    Raises ConfigError for a size, dtype, sampler or protocol that is not known here.
    """
    for recipe in {(each.width, each.height): each for each in recipes}.values():
        loaded.latent_shape(recipe.width, recipe.height)
    _warn_of_long_prompts(loaded, recipes)
    cut = ledgers.cut_into_shards(loaded.checkpoint.sha256, recipes, batch=batch, size=shard)
    made: dict[str, Sample] = {}
    missing: list[Shard] = []
    for each in cut:
        before = ledgers.read_shard(ledger, each)
        if before is None:
            missing.append(each)
        else:
            made |= before
    best = watch(made) if watch and made else ""
    computing = _here(loaded, missing, ledger)
    if workers > 1 and len(missing) > 1:
        computing = _in_workers(loaded, missing, ledger, min(workers, len(missing)))
    computed, total = 0, sum(len(each.recipes) for each in cut)
    with tqdm(
        total=total,
        initial=len(made),
        unit=" trials",
        desc=loaded.checkpoint.name,
        postfix=best,
        disable=None if missing else True,
    ) as bar:
        for each, ours in computing:
            computed += ours
            after = ledgers.read_shard(ledger, each)
            if after is None:
                raise WriteError(
                    f"{each.path(ledger)} was written and cannot be read back: look at the disk "
                    f"that holds {ledger}."
                )
            made |= after
            if watch:
                bar.set_postfix_str(watch(after), refresh=False)
            bar.update(len(after))
    logger.info("%d shards were in the ledger, %d were computed", len(cut) - computed, computed)
    return ExecutionResult(made, len(cut) - computed, computed)


def sample_recipes(loaded: LoadedCheckpoint, recipes: Sequence[Recipe]) -> tuple[Tensor, list[str]]:
    """Final latents of recipes that go through the denoiser together, and hashes of their noise.

    The recipes differ in prompts, seeds and batch indices only. A single recipe gives the latents
    of StableDiffusionPipeline bit for bit. Latents are [n, c, h, w] on the CPU.
    """
    pipeline, first = loaded.pipeline, recipes[0]
    shape = loaded.latent_shape(first.width, first.height)
    initial = noise(recipes, shape)
    latents = sample_latents(
        pipeline,
        embed_each(pipeline, [recipe.prompt for recipe in recipes]),
        initial,
        num_inference_steps=first.steps,
        guidance_scale=first.guidance,
        sampler=first.sampler,
        negative=None
        if first.guidance == 1
        else embed_each(pipeline, [recipe.negative_prompt for recipe in recipes]),
        eta=first.eta,
        generators=step_generators(recipes, shape) if first.eta else None,
    ).cpu()
    if not latents.isfinite().all():
        raise CheckpointError(
            f"{loaded.checkpoint.name} gives latents that are no finite numbers in {first.dtype} "
            f"at guidance {first.guidance}, {first.steps} steps: set its `dtype` to float32, or "
            "lower `search.guidance`."
        )
    return latents, ledgers.hash_rows(initial)


_fits: dict[str, int] = {}
"""By the key of shards, the batch for which memory was enough where it was not for their own."""


def compute_shard(loaded: LoadedCheckpoint, shard: Shard, ledger: Path) -> bool | None:
    """Put one shard in its place: whether it was computed here, or None where another is at it."""
    with exclusive_claim(shard.path(ledger)) as ours:
        if not ours:
            return None
        if ledgers.read_shard(ledger, shard) is not None:
            return False
        parts, drawn = [], []
        start, batch = 0, _fits.get(shard.key, shard.batch)
        while start < len(shard.recipes):
            try:
                latents, hashes = sample_recipes(loaded, shard.recipes[start : start + batch])
            except (RuntimeError, MemoryError) as error:
                if batch == 1 or not _out_of_memory(error):
                    raise
                batch = _fits[shard.key] = _halved(loaded, batch)
                continue
            parts.append(latents)
            drawn += hashes
            start += batch
        ledgers.write_shard(ledger, shard, torch.cat(parts), drawn)
    return True


def _out_of_memory(error: RuntimeError | MemoryError) -> bool:
    # oneDNN says the second where there is no room left for the code of a kernel.
    said = ("can't allocate memory", "could not create a primitive")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
        each in str(error) for each in said
    )


def _halved(loaded: LoadedCheckpoint, batch: int) -> int:
    logger.warning(
        "Memory ran out with %d images at a time on %s: going on with %d. What they are differs in "
        "last bits at most. Set search.batch lower to have it from the start.",
        batch,
        loaded.checkpoint.name,
        batch // 2,
    )
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return batch // 2


def _here(
    loaded: LoadedCheckpoint, missing: Sequence[Shard], ledger: Path
) -> Iterator[tuple[Shard, bool]]:
    yield from share_work(missing, lambda shard: compute_shard(loaded, shard, ledger))


def _in_workers(
    loaded: LoadedCheckpoint, missing: Sequence[Shard], ledger: Path, workers: int
) -> Iterator[tuple[Shard, bool]]:
    threads = torch.get_num_threads()
    available = available_cores()
    if workers * threads > available:
        logger.warning(
            "%d workers of %d threads share %d cores: set OMP_NUM_THREADS=%d for speed. (It may "
            "change last bits, so nothing changes it for you.)",
            workers,
            threads,
            available,
            max(1, available // workers),
        )
    with ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_open_worker,
        initargs=(loaded.settings, loaded.checkpoint, threads),
    ) as pool:
        try:
            while missing:
                futures = {pool.submit(_compute_in_worker, each, ledger): each for each in missing}
                others = []
                for future in as_completed(futures):
                    ours = future.result()
                    if ours is None:
                        others.append(futures[future])
                    else:
                        yield futures[future], ours
                if others:
                    time.sleep(PAUSE)
                missing = others
        except BrokenProcessPool as error:
            raise SeedwitnessError(
                f"A worker that ran {loaded.checkpoint.name} was killed, most often because memory "
                "ran out. Lower `search.workers` or `search.batch`, and run the same command "
                "again: what is finished stays."
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_worker: LoadedCheckpoint


def _open_worker(settings: object, checkpoint: object, threads: int) -> None:
    """In a worker: die with the parent, then load the checkpoint, which the parent has hashed."""
    global _worker
    threading.Thread(target=_die_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    _worker = LoadedCheckpoint(load_pipeline(settings), checkpoint, settings)  # type: ignore[arg-type]


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _compute_in_worker(shard: Shard, ledger: Path) -> bool | None:
    return compute_shard(_worker, shard, ledger)


def _warn_of_long_prompts(loaded: LoadedCheckpoint, recipes: Sequence[Recipe]) -> None:
    texts = list(
        dict.fromkeys(text for each in recipes for text in (each.prompt, each.negative_prompt))
    )
    cuts = tokens_cut(loaded.pipeline, texts) if texts else []
    for text, cut in zip(texts, cuts, strict=True):
        if cut:
            logger.warning(
                "%s reads %d tokens of a prompt, both ends included: the last %d of %r are cut.",
                loaded.checkpoint.name,
                loaded.checkpoint.prompt_limit,
                cut,
                text,
            )
