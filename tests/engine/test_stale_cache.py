"""Latents of other code, libraries, devices or thread counts are never served."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.engine import executor, latent_cache
from seedwitness.engine.executor import Execution
from seedwitness.records.recipe import Recipe

SOURCE = Path(__file__).parents[2] / "src"
RECIPES = [Recipe("a red fish", seed, 32, 32, "ddim", 2, 3.0) for seed in range(2)]
SCRIPT = """
import sys
from pathlib import Path
from seedwitness.checkpoints.loading import load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.engine.executor import Execution
from seedwitness.records.recipe import Recipe

checkpoint, ledger = map(Path, sys.argv[1:])
loaded = load_checkpoint("tiny", CheckpointSettings(family="diffusers", path=checkpoint))
recipes = [Recipe("a red fish", seed, 32, 32, "ddim", 2, 3.0) for seed in range(2)]
result = Execution(loaded, recipes, batch=2, shard=2, ledger=ledger).run()
print(result.cached, result.computed, *(each.latent_sha256 for each in result.samples.values()))
"""


def run(source: Path, checkpoint: Path, ledger: Path) -> tuple[int, int, list[str]]:
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(checkpoint), str(ledger)],
        env=os.environ | {"PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=True,
    )
    cached, computed, *hashes = process.stdout.split()
    return int(cached), int(computed), hashes


@pytest.mark.slow
def test_latents_of_other_sampling_code_are_not_served(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    source, ledger = tmp_path / "src", tmp_path / "ledger"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("__pycache__"))
    first = run(source, tiny_checkpoint, ledger)
    assert first[:2] == (0, 1)
    assert run(source, tiny_checkpoint, ledger) == (1, 0, first[2])
    sampling = source / "seedwitness/engine/sampling.py"
    text = sampling.read_text()
    assert text.count("    return denoise(") == 1
    zeroed = "    return torch.zeros_like(noise)\n    return denoise("
    sampling.write_text(text.replace("    return denoise(", zeroed))
    zeros = run(source, tiny_checkpoint, ledger)
    assert zeros[:2] == (0, 1)
    assert len(set(zeros[2])) == 1  # all the same: zeros
    assert not set(zeros[2]) & set(first[2])
    sampling.write_text(text)
    assert run(source, tiny_checkpoint, ledger) == (1, 0, first[2])  # the old latents are kept


def run_cached(tiny: LoadedCheckpoint, ledger: Path) -> Execution:
    return Execution(tiny, RECIPES, batch=2, shard=2, ledger=ledger).run()


@pytest.mark.parametrize(
    "change",
    [
        {"code_sha256": "0" * 64},
        {"libraries": (("torch", "1.0"), ("diffusers", "0.1"), ("transformers", "1.0"))},
        {"device": "another GPU"},
        {"threads": 99},
    ],
)
def test_latents_of_another_environment_are_not_served(
    tiny: LoadedCheckpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, object],
) -> None:
    assert run_cached(tiny, tmp_path).computed == 1
    assert run_cached(tiny, tmp_path).cached == 1
    original = latent_cache.get_engine_environment

    def get_other_environment(*arguments: object) -> latent_cache.EngineEnvironment:
        return replace(original(*arguments), **change)  # type: ignore[arg-type]

    monkeypatch.setattr(executor, "get_engine_environment", get_other_environment)
    assert run_cached(tiny, tmp_path).computed == 1


def test_another_dtype_is_another_key(tiny: LoadedCheckpoint) -> None:
    batches = executor.make_keyed_batches(tiny, 2)
    half = replace(RECIPES[0], dtype="float16")
    assert batches.key(half) != batches.key(RECIPES[0])
