"""Several processes on one latent cache, and out-of-memory: both with real processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.engine.executor import Execution
from seedwitness.records.recipe import Recipe

SCRIPT = """
import json, logging, resource, sys
from pathlib import Path

import torch

from seedwitness.checkpoints.loading import load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.engine.executor import Execution
from seedwitness.records.recipe import Recipe

path, ledger, batch, count, headroom = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
logging.basicConfig(level=logging.WARNING)
torch.set_num_threads(1)
loaded = load_checkpoint("tiny", CheckpointSettings(family="diffusers", path=Path(path)))
recipes = [Recipe("a red fish", seed, 32, 32, "ddim", 2, 3.0) for seed in range(count)]
Execution(loaded, recipes[:1], batch=1, shard=1, ledger=Path(ledger) / "warm").run()
print("ready", flush=True)
sys.stdin.readline()
if headroom:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + headroom * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
done = Execution(loaded, recipes, batch=batch, shard=batch, ledger=Path(ledger) / "own").run()
print(json.dumps([done.cached, done.computed, len(done.samples)]))
"""


def collect_results(processes: list[subprocess.Popen[str]]) -> list[tuple[list[int], str]]:
    """Start all at once when the last is ready; the printed figures and warnings of each."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    results = []
    for process in processes:
        output, warnings = process.communicate()
        assert process.returncode == 0, warnings
        results.append((json.loads(output), warnings))
    return results


def start(
    checkpoint: Path, ledger: Path, *, batch: int, count: int, headroom: int = 0
) -> subprocess.Popen[str]:
    # Freed memory returns to the system at once. Otherwise the batch that fits would depend on how
    # glibc divides its heap.
    words = [str(checkpoint), str(ledger), str(batch), str(count), str(headroom)]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"},
    )


@pytest.mark.slow
def test_two_processes_compute_no_shard_twice(tiny_checkpoint: Path, tmp_path: Path) -> None:
    both = [start(tiny_checkpoint, tmp_path, batch=4, count=160) for _ in range(2)]
    figures = [numbers for numbers, _ in collect_results(both)]
    for cached, computed, samples in figures:
        assert (cached + computed, samples) == (40, 160)
    assert sum(computed for _, computed, _ in figures) == 40
    assert min(computed for _, computed, _ in figures) > 0, "one process computed everything"
    assert not list(tmp_path.rglob("*.lock"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the memory limit needs Linux")
def test_out_of_memory_halves_the_batch(
    tiny: LoadedCheckpoint, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    # 1024 images need 264 MiB, 512 of them 138.
    process = start(tiny_checkpoint, tmp_path, batch=1024, count=2048, headroom=200)
    [(figures, warnings)] = collect_results([process])
    assert figures == [0, 2, 2048]
    # Once, and not again for the second shard.
    assert (
        warnings.count("Out of memory with 1024 images at a time on tiny: going on with 512") == 1
    )
    recipe = Recipe("a red fish", 1023, 32, 32, "ddim", 2, 3.0)
    alone = Execution(tiny, [recipe], batch=1, shard=1, ledger=tmp_path / "alone").run()
    recipes = [Recipe("a red fish", seed, 32, 32, "ddim", 2, 3.0) for seed in range(2048)]
    cached = Execution(tiny, recipes, batch=1024, shard=1024, ledger=tmp_path / "own").run()
    assert (cached.cached, cached.computed) == (2, 0)
    torch.testing.assert_close(
        cached.samples[recipe.id].latent, alone.samples[recipe.id].latent, rtol=0, atol=1e-4
    )
