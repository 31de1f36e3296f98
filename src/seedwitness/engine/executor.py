"""Executes recipes: reads the latent cache, and computes the rest in one process or several.

The result does not depend on the number of processes, on their order, or on the latents that were
cached before (see ``latent_cache``). A worker uses as many threads as this process, because the
number of threads may change the last bits.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path

import torch
from tqdm import tqdm

from seedwitness.checkpoints.loading import LoadedCheckpoint, load_pipeline
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.engine.latent_cache import (
    DEFAULT_ROOT,
    KeyedBatches,
    Sample,
    Shard,
    cut_into_shards,
    get_engine_environment,
    read_shard,
)
from seedwitness.engine.sampling import count_truncated_tokens
from seedwitness.engine.shard_computation import BatchLimits, compute_shard
from seedwitness.errors import SeedwitnessError, WriteError
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.recipe import Recipe
from seedwitness.runtime.cores import count_available_cores
from seedwitness.runtime.locks import SharedWork

logger = logging.getLogger(__name__)

WorkerReport = tuple[int, bool] | BaseException
"""From a worker: the number of a finished shard and whether it was computed there, or an error."""


class Execution:
    """Recipes being executed on a checkpoint: iterate to get the samples of each finished shard.

    What the cache at ``ledger`` holds is read, in one part, and the rest is computed. The recipes
    may have different prompts and targets: ``batch`` of them are sampled together, and ``shard`` of
    them are written together. A prompt that is longer than the text encoder's limit is truncated,
    with a warning. A killed execution can be resumed; it loses the shards in progress. Two
    processes on one cache share the work. If memory runs out, the batch is halved, with a warning.

    ``samples`` are those so far, by recipe id; ``cached`` and ``computed`` count shards; ``keys``
    are the cache keys of the shards; ``note`` is shown beside the progress bar. Raises ConfigError
    for an unknown size, dtype, sampler or RNG algorithm.
    """

    def __init__(
        self,
        loaded: LoadedCheckpoint,
        recipes: Sequence[Recipe],
        *,
        batch: int,
        shard: int,
        workers: int = 1,
        ledger: Path = DEFAULT_ROOT,
    ) -> None:
        for width, height in dict.fromkeys((recipe.width, recipe.height) for recipe in recipes):
            loaded.latent_shape(width, height)
        _warn_of_long_prompts(loaded, recipes)
        self._loaded, self._workers, self._ledger = loaded, workers, ledger
        self._shards = cut_into_shards(make_keyed_batches(loaded, batch), recipes, size=shard)
        self.samples: dict[str, Sample] = {}
        self.cached, self.computed = 0, 0
        self.keys = frozenset(part.key for part in self._shards)
        self.note = ""

    def run(self) -> Execution:
        """Execute the recipes to the end."""
        for _ in self:
            pass
        return self

    def __iter__(self) -> Iterator[dict[str, Sample]]:
        missing: list[Shard] = []
        for part in self._shards:
            cached = read_shard(self._ledger, part)
            if cached is None:
                missing.append(part)
            else:
                self.samples |= cached
                self.cached += 1
        if self.samples:
            yield dict(self.samples)
        with tqdm(
            total=sum(len(part.recipes) for part in self._shards),
            initial=len(self.samples),
            unit=" trials",
            desc=self._loaded.checkpoint.name,
            postfix=self.note,
            disable=None if missing else True,
        ) as bar:
            for part, computed_here in self._compute(missing):
                written = read_shard(self._ledger, part)
                if written is None:
                    raise WriteError(
                        f"{part.path(self._ledger)} was written and cannot be read back: check the "
                        f"disk that holds {self._ledger}."
                    )
                self.computed += computed_here
                self.cached += not computed_here
                self.samples |= written
                yield written
                bar.set_postfix_str(self.note, refresh=False)
                bar.update(len(written))
        logger.info("%d shards were cached, %d were computed", self.cached, self.computed)

    def _compute(self, missing: Sequence[Shard]) -> Iterator[tuple[Shard, bool]]:
        """Each missing shard when it is finished, and whether this process computed it."""
        if self._workers > 1 and len(missing) > 1:
            workers = min(self._workers, len(missing))
            return _compute_in_workers(self._loaded, missing, self._ledger, workers)
        return _compute_missing(self._loaded, missing, self._ledger)


def make_keyed_batches(loaded: LoadedCheckpoint, batch: int) -> KeyedBatches:
    """The batches of a checkpoint on this machine, from which cache keys are made."""
    environment = get_engine_environment(loaded.pipeline.device, torch.get_num_threads())
    return KeyedBatches(loaded.checkpoint.sha256, batch, environment)


def _compute_missing(
    loaded: LoadedCheckpoint, missing: Sequence[Shard], ledger: Path, first: int = 0
) -> Iterator[tuple[Shard, bool]]:
    """Compute the shards that no other process computes, beginning with number ``first``.

    Yields every shard when it is finished, and whether it was computed here.
    """
    limits: BatchLimits = {}
    work = SharedWork([*missing[first:], *missing[:first]])
    for part in work:
        computed = compute_shard(loaded, part, ledger, limits)
        if computed is None:
            work.postpone(part)
        else:
            yield part, computed


def _compute_in_workers(
    loaded: LoadedCheckpoint, missing: Sequence[Shard], ledger: Path, workers: int
) -> Iterator[tuple[Shard, bool]]:
    """Yield each missing shard when it is finished; every worker goes through the whole list."""
    threads = torch.get_num_threads()
    _warn_of_threads(workers, threads)
    context = multiprocessing.get_context("spawn")
    processes, receivers = [], []
    for first in range(workers):
        # A pipe for each worker: one that is killed can hold no lock that the others wait for.
        receiver, sender = context.Pipe(duplex=False)
        arguments = (loaded.settings, loaded.checkpoint, threads, list(missing), ledger)
        process = context.Process(target=_run_worker, args=(*arguments, sender, first), daemon=True)
        process.start()
        sender.close()  # the worker holds the only other end, so that its end shows here
        processes.append(process)
        receivers.append(receiver)
    unreported = dict.fromkeys(range(len(missing)))
    try:
        while receivers:
            for ready in wait(receivers):
                assert isinstance(ready, Connection)
                try:
                    report: WorkerReport = ready.recv()
                except EOFError:
                    receivers.remove(ready)
                    continue
                if isinstance(report, BaseException):
                    raise report
                number, computed = report
                if computed:
                    del unreported[number]
                    yield missing[number], True
    finally:
        for process in processes:
            process.terminate()
    for number in unreported:  # computed by other processes, or by a worker that was killed
        if not missing[number].path(ledger).exists():
            raise SeedwitnessError(
                f"A worker on {loaded.checkpoint.name} was killed, most often because memory ran "
                "out. Lower `search.workers` or `search.batch`, and run the same command again: "
                "finished shards are kept."
            )
        yield missing[number], False


def _warn_of_threads(workers: int, threads: int) -> None:
    cores = count_available_cores()
    if workers * threads > cores:
        logger.warning(
            "%d workers of %d threads share %d cores: set OMP_NUM_THREADS=%d for speed. (It may "
            "change the last bits, so it is not set automatically.)",
            workers,
            threads,
            cores,
            max(1, cores // workers),
        )


def _exit_with_parent() -> None:
    """In a worker: exit when the parent process ends."""
    parent = multiprocessing.parent_process()
    if parent is not None:

        def exit_after_parent() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=exit_after_parent, daemon=True).start()


def _run_worker(
    settings: CheckpointSettings,
    checkpoint: CheckpointIdentity,
    threads: int,
    shards: list[Shard],
    ledger: Path,
    reports: Connection,
    first: int,
) -> None:
    """In a worker: compute the shards that no other process computes, beginning with ``first``.

    Sends a report of each finished shard, or the error that ended the work, to ``reports``.
    ``checkpoint`` is the identity that the parent process has determined.
    """
    _exit_with_parent()
    torch.set_num_threads(threads)
    numbers = {part: number for number, part in enumerate(shards)}
    try:
        loaded = LoadedCheckpoint(load_pipeline(settings), checkpoint, settings)
        for part, computed in _compute_missing(loaded, shards, ledger, first):
            reports.send((numbers[part], computed))
    except Exception as error:
        reports.send(error)


def _warn_of_long_prompts(loaded: LoadedCheckpoint, recipes: Sequence[Recipe]) -> None:
    texts = list(
        dict.fromkeys(
            text for recipe in recipes for text in (recipe.prompt, recipe.negative_prompt)
        )
    )
    counts = count_truncated_tokens(loaded.pipeline, texts) if texts else []
    for text, count in zip(texts, counts, strict=True):
        if count:
            logger.warning(
                "%s reads %d tokens of a prompt, begin and end tokens included: the last %d tokens "
                "of %r are cut.",
                loaded.checkpoint.name,
                loaded.checkpoint.prompt_limit,
                count,
                text,
            )
