"""Several processes on one ledger, and memory that runs out: both with real processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.engine.executor import execute
from seedwitness.records.recipe import Recipe

SCRIPT = """
import json, logging, resource, sys
from pathlib import Path

import torch

from seedwitness.checkpoints.loading import load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.engine.executor import execute
from seedwitness.records.recipe import Recipe

path, ledger, batch, count, room = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
logging.basicConfig(level=logging.WARNING)
torch.set_num_threads(1)
loaded = load_checkpoint("tiny", CheckpointSettings(family="diffusers", path=Path(path)))
recipes = [Recipe("a red fish", seed, 32, 32, "ddim", 2, 3.0) for seed in range(count)]
execute(loaded, recipes[:1], batch=1, shard=1, ledger=Path(ledger) / "warm")
print("ready", flush=True)
sys.stdin.readline()
if room:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + room * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
done = execute(loaded, recipes, batch=batch, shard=batch, ledger=Path(ledger) / "own")
print(json.dumps([done.cached, done.computed, len(done.samples)]))
"""


def answers(started: list[subprocess.Popen[str]]) -> list[tuple[list[int], str]]:
    """Lets all go at once, when the last is ready; what each says, and its warnings."""
    for each in started:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in started:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    found = []
    for each in started:
        out, said = each.communicate()
        assert each.returncode == 0, said
        found.append((json.loads(out), said))
    return found


def started(
    checkpoint: Path, ledger: Path, *, batch: int, count: int, room: int = 0
) -> subprocess.Popen[str]:
    # What is freed goes back to the system at once: else what fits into the room is a matter of
    # how glibc cuts its heap.
    words = [str(checkpoint), str(ledger), str(batch), str(count), str(room)]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"},
    )


@pytest.mark.slow
def test_two_processes_do_no_shard_twice(tiny_checkpoint: Path, tmp_path: Path) -> None:
    both = [started(tiny_checkpoint, tmp_path, batch=4, count=160) for _ in range(2)]
    said = [figures for figures, _ in answers(both)]
    for found, computed, made in said:
        assert (found + computed, made) == (40, 160)
    assert sum(computed for _, computed, _ in said) == 40
    assert min(computed for _, computed, _ in said) > 0, "one did all of it"
    assert not list(tmp_path.rglob("*.lock"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by what Linux knows")
def test_where_memory_runs_out_the_batch_is_halved(
    tiny: LoadedCheckpoint, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    # 1024 images need 264 MiB, 512 of them 138.
    short = started(tiny_checkpoint, tmp_path, batch=1024, count=2048, room=200)
    [(figures, said)] = answers([short])
    assert figures == [0, 2, 2048]
    # Once, and not again for the second shard.
    assert said.count("Out of memory with 1024 images at a time on tiny: going on with 512") == 1
    recipe = Recipe("a red fish", 1023, 32, 32, "ddim", 2, 3.0)
    alone = execute(tiny, [recipe], batch=1, shard=1, ledger=tmp_path / "alone")
    recipes = [Recipe("a red fish", seed, 32, 32, "ddim", 2, 3.0) for seed in range(2048)]
    kept = execute(tiny, recipes, batch=1024, shard=1024, ledger=tmp_path / "own")
    assert (kept.cached, kept.computed) == (2, 0)
    torch.testing.assert_close(
        kept.samples[recipe.id].latent, alone.samples[recipe.id].latent, rtol=0, atol=1e-4
    )
