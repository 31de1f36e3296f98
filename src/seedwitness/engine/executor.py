"""Executes recipes: reads the latent cache, computes the rest in this process or in several.

The result does not depend on the number of processes, on their order, or on what was computed
before (see ``latent_cache``). A worker uses as many threads as this process does, because the
number of threads may change the last bits too.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty

import torch
from torch import Tensor
from tqdm import tqdm

from seedwitness.checkpoints.loading import LoadedCheckpoint, load_pipeline
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.engine.latent_cache import (
    DEFAULT_ROOT,
    KeyedBatches,
    Sample,
    Shard,
    cut_into_shards,
    engine_environment,
    hash_rows,
    read_shard,
    write_shard,
)
from seedwitness.engine.sampling import embed_each, sample_latents, tokens_cut
from seedwitness.errors import CheckpointError, SeedwitnessError, WriteError
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.recipe import Recipe
from seedwitness.runtime.cores import available_cores
from seedwitness.runtime.files import PAUSE, exclusive_claim, share_work
from seedwitness.seeds import draw_noise, make_step_generators

logger = logging.getLogger(__name__)

Progress = Callable[[dict[str, Sample]], str]
"""Is called with the samples of each finished shard; its result stands beside the progress bar."""

Report = tuple[int, bool] | BaseException
"""From a worker: the number of a finished shard and whether it was computed there, or an error."""

BatchLimits = dict[str, int]
"""By cache key, the batch size for which memory sufficed where it did not for the one asked for."""


@dataclass(frozen=True)
class ExecutionResult:
    """Samples by recipe id; how many shards were cached and computed; the keys they lie under."""

    samples: dict[str, Sample]
    cached: int
    computed: int
    keys: frozenset[str]


def execute(
    loaded: LoadedCheckpoint,
    recipes: Sequence[Recipe],
    *,
    batch: int,
    shard: int,
    workers: int = 1,
    ledger: Path = DEFAULT_ROOT,
    progress: Progress | None = None,
) -> ExecutionResult:
    """Execute recipes on a checkpoint: read what the cache at ``ledger`` holds, compute the rest.

    Recipes of different prompts, and of different targets, may come at once: ``batch`` of them go
    through the denoiser together, ``shard`` are written together. A prompt longer than the text
    encoder's limit is cut there, with a warning. A killed execution goes on where it was: it loses
    the shards in flight. Two processes on one cache share the work. Where memory runs out, the
    batch is halved, with a warning.

    Raises ConfigError for an unknown size, dtype, sampler or RNG algorithm.
    """
    for recipe in {(each.width, each.height): each for each in recipes}.values():
        loaded.latent_shape(recipe.width, recipe.height)
    _warn_of_long_prompts(loaded, recipes)
    batches = batches_of(loaded, batch)
    shards = cut_into_shards(batches, recipes, size=shard)
    samples: dict[str, Sample] = {}
    missing: list[Shard] = []
    for each in shards:
        cached = read_shard(ledger, each)
        if cached is None:
            missing.append(each)
        else:
            samples |= cached
    note = progress(samples) if progress and samples else ""
    if workers > 1 and len(missing) > 1:
        finished = _in_workers(loaded, missing, ledger, min(workers, len(missing)))
    else:
        finished = _in_this_process(loaded, missing, ledger)
    computed, total = 0, sum(len(each.recipes) for each in shards)
    with tqdm(
        total=total,
        initial=len(samples),
        unit=" trials",
        desc=loaded.checkpoint.name,
        postfix=note,
        disable=None if missing else True,
    ) as bar:
        for each, computed_here in finished:
            computed += computed_here
            written = read_shard(ledger, each)
            if written is None:
                raise WriteError(
                    f"{each.path(ledger)} was written and cannot be read back: check the disk that "
                    f"holds {ledger}."
                )
            samples |= written
            if progress:
                bar.set_postfix_str(progress(written), refresh=False)
            bar.update(len(written))
    logger.info("%d shards were cached, %d were computed", len(shards) - computed, computed)
    keys = frozenset(each.key for each in shards)
    return ExecutionResult(samples, len(shards) - computed, computed, keys)


def batches_of(loaded: LoadedCheckpoint, batch: int) -> KeyedBatches:
    """What the cache keys of a checkpoint's latents are made from, in batches of ``batch``."""
    environment = engine_environment(loaded.pipeline.device, torch.get_num_threads())
    return KeyedBatches(loaded.checkpoint.sha256, batch, environment)


def sample_recipes(loaded: LoadedCheckpoint, recipes: Sequence[Recipe]) -> tuple[Tensor, list[str]]:
    """Final latents of recipes that go through the denoiser together, and hashes of their noise.

    The recipes differ in prompts, seeds and batch indices only. A single recipe gives the latents
    of StableDiffusionPipeline bit for bit. Latents are [n, c, h, w] on the CPU.
    """
    pipeline, first = loaded.pipeline, recipes[0]
    shape = loaded.latent_shape(first.width, first.height)
    initial = draw_noise(recipes, shape)
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
        generators=make_step_generators(recipes, shape) if first.eta else None,
    ).cpu()
    if not latents.isfinite().all():
        raise CheckpointError(
            f"{loaded.checkpoint.name} gives latents that are no finite numbers in {first.dtype} "
            f"at guidance {first.guidance}, {first.steps} steps: set its `dtype` to float32, or "
            "lower `search.guidance`."
        )
    return latents, hash_rows(initial)


def compute_shard(
    loaded: LoadedCheckpoint, shard: Shard, ledger: Path, limits: BatchLimits
) -> bool | None:
    """Compute one shard and put it in its place; None where another process is computing it.

    False where it was finished in the meantime. ``limits`` remembers, from shard to shard, the
    batch size that fits into memory.
    """
    with exclusive_claim(shard.path(ledger)) as claimed:
        if not claimed:
            return None
        if read_shard(ledger, shard) is not None:
            return False
        parts, noise_hashes = [], []
        start, batch = 0, limits.get(shard.key, shard.batches.batch)
        while start < len(shard.recipes):
            try:
                latents, hashes = sample_recipes(loaded, shard.recipes[start : start + batch])
            except (RuntimeError, MemoryError) as error:
                if batch == 1 or not _is_out_of_memory(error):
                    raise
                batch = limits[shard.key] = _halve(loaded, batch)
                continue
            parts.append(latents)
            noise_hashes += hashes
            start += batch
        write_shard(ledger, shard, torch.cat(parts), noise_hashes)
    return True


def _is_out_of_memory(error: RuntimeError | MemoryError) -> bool:
    # oneDNN reports the second where there is no room left for the code of a kernel.
    messages = ("can't allocate memory", "could not create a primitive")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
        message in str(error) for message in messages
    )


def _halve(loaded: LoadedCheckpoint, batch: int) -> int:
    logger.warning(
        "Out of memory with %d images at a time on %s: going on with %d. The latents differ in the "
        "last bits at most. Lower search.batch to have this from the start.",
        batch,
        loaded.checkpoint.name,
        batch // 2,
    )
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return batch // 2


def _in_this_process(
    loaded: LoadedCheckpoint, missing: Sequence[Shard], ledger: Path
) -> Iterator[tuple[Shard, bool]]:
    limits: BatchLimits = {}
    yield from share_work(missing, lambda shard: compute_shard(loaded, shard, ledger, limits))


def _in_workers(
    loaded: LoadedCheckpoint, missing: Sequence[Shard], ledger: Path, workers: int
) -> Iterator[tuple[Shard, bool]]:
    """Each missing shard when it is finished; every worker goes through the whole list."""
    threads = torch.get_num_threads()
    _warn_of_threads(workers, threads)
    context = multiprocessing.get_context("spawn")
    reports: multiprocessing.Queue[Report] = context.Queue()
    arguments = (loaded.settings, loaded.checkpoint, threads, list(missing), ledger, reports)
    processes = [
        context.Process(target=_work, args=(*arguments, first), daemon=True)
        for first in range(workers)
    ]
    for process in processes:
        process.start()
    waiting = dict.fromkeys(range(len(missing)))
    try:
        while any(process.is_alive() for process in processes) or not reports.empty():
            try:
                report = reports.get(timeout=PAUSE)
            except Empty:
                continue
            if isinstance(report, BaseException):
                raise report
            number, computed = report
            if computed:
                del waiting[number]
                yield missing[number], True
        if any(process.exitcode for process in processes):
            raise SeedwitnessError(
                f"A worker that computed on {loaded.checkpoint.name} was killed, most often "
                "because memory ran out. Lower `search.workers` or `search.batch`, and run the "
                "same command again: finished shards stay."
            )
    finally:
        for process in processes:
            process.terminate()
    for number in waiting:  # which other processes computed
        yield missing[number], False


def _warn_of_threads(workers: int, threads: int) -> None:
    cores = available_cores()
    if workers * threads > cores:
        logger.warning(
            "%d workers of %d threads share %d cores: set OMP_NUM_THREADS=%d for speed. (It may "
            "change the last bits, so it is not set for you.)",
            workers,
            threads,
            cores,
            max(1, cores // workers),
        )


def _end_with_parent() -> None:
    """In a worker: end the process when its parent ends."""
    parent = multiprocessing.parent_process()
    if parent is not None:

        def wait() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=wait, daemon=True).start()


def _work(
    settings: CheckpointSettings,
    checkpoint: CheckpointIdentity,
    threads: int,
    shards: list[Shard],
    ledger: Path,
    reports: multiprocessing.Queue[Report],
    first: int,
) -> None:
    """In a worker: compute what no other process computes, beginning with shard ``first``.

    Reports the number of each finished shard and whether it was computed here, or the error that
    ended the work. The parent has identified the checkpoint already.
    """
    _end_with_parent()
    torch.set_num_threads(threads)
    limits: BatchLimits = {}
    numbers = [*range(first, len(shards)), *range(first)]
    try:
        loaded = LoadedCheckpoint(load_pipeline(settings), checkpoint, settings)
        work = share_work(
            numbers, lambda number: compute_shard(loaded, shards[number], ledger, limits)
        )
        for report in work:
            reports.put(report)
    except Exception as error:
        reports.put(error)


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
