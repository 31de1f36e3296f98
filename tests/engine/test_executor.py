import logging
import multiprocessing
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.engine.executor import Execution
from seedwitness.engine.shard_computation import sample_recipes
from seedwitness.errors import CheckpointError, ConfigError, SeedwitnessError
from seedwitness.records.recipe import Recipe

RECIPE = Recipe(
    prompt="a red fish", seed=0, width=32, height=32, sampler="euler", steps=2, guidance=3.0
)
ROWS = [
    replace(RECIPE, prompt=prompt, seed=seed)
    for prompt in ("a red fish", "a blue lighthouse", "nothing")
    for seed in range(5)
]


def run(
    tiny: LoadedCheckpoint,
    ledger: Path,
    recipes: Sequence[Recipe] = ROWS,
    workers: int = 1,
    batch: int = 2,
) -> Execution:
    return Execution(tiny, recipes, batch=batch, shard=4, workers=workers, ledger=ledger).run()


def files(ledger: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in ledger.rglob("*.safetensors")}


@pytest.mark.parametrize(
    ("sampler", "kind", "eta"),
    [
        ("ddim", DDIMScheduler, 0.0),
        ("ddim", DDIMScheduler, 0.6),
        ("euler", EulerDiscreteScheduler, 0.0),
        ("dpmpp-2m", DPMSolverMultistepScheduler, 0.0),
    ],
)
def test_a_single_recipe_gives_the_pipelines_own_latents(
    tiny: LoadedCheckpoint, monkeypatch: pytest.MonkeyPatch, sampler: str, kind: Any, eta: float
) -> None:
    recipe = replace(
        RECIPE, sampler=sampler, eta=eta, seed=11, guidance=7.5, negative_prompt="a blue lighthouse"
    )
    latents, (noise,) = sample_recipes(tiny, [recipe])
    scheduler = kind.from_config(tiny.pipeline.scheduler.config)
    monkeypatch.setattr(tiny.pipeline, "scheduler", scheduler)
    expected = tiny.pipeline(
        recipe.prompt,
        negative_prompt=recipe.negative_prompt,
        width=recipe.width,
        height=recipe.height,
        generator=torch.Generator().manual_seed(recipe.seed),
        num_inference_steps=recipe.steps,
        guidance_scale=recipe.guidance,
        eta=eta,
        output_type="latent",
    ).images
    assert torch.equal(latents, expected)
    drawn = torch.randn((4, 8, 8), generator=torch.Generator().manual_seed(11))
    assert noise == sha256(drawn.numpy().tobytes()).hexdigest()


def test_the_cache_does_not_depend_on_order_or_interruptions(
    tiny: LoadedCheckpoint, tmp_path: Path
) -> None:
    whole = run(tiny, tmp_path / "whole")
    assert (whole.cached, whole.computed) == (0, 4)
    backwards = run(tiny, tmp_path / "backwards", ROWS[::-1])
    assert files(tmp_path / "backwards") == files(tmp_path / "whole")
    # The missing shard is computed in the same batches as before.
    lost = sorted((tmp_path / "whole").rglob("*.safetensors"))[1]
    before = files(tmp_path / "whole")
    lost.unlink()
    again = run(tiny, tmp_path / "whole")
    assert (again.cached, again.computed) == (3, 1)
    assert files(tmp_path / "whole") == before
    for result in (backwards, again):
        assert result.samples.keys() == whole.samples.keys() == {recipe.id for recipe in ROWS}
        for name, sample in result.samples.items():
            assert torch.equal(sample.latent, whole.samples[name].latent)


@pytest.mark.slow
def test_the_cache_does_not_depend_on_the_number_of_workers(
    tiny: LoadedCheckpoint, tmp_path: Path
) -> None:
    run(tiny, tmp_path / "one")
    together = run(tiny, tmp_path / "two", workers=2)
    assert together.computed == 4
    assert files(tmp_path / "two") == files(tmp_path / "one")


@pytest.mark.slow
def test_killed_workers_are_an_error_and_finished_shards_are_kept(
    tiny: LoadedCheckpoint, tmp_path: Path
) -> None:
    recipes = [replace(RECIPE, seed=seed) for seed in range(400)]

    shards = iter(Execution(tiny, recipes, batch=4, shard=4, workers=2, ledger=tmp_path))
    next(shards)
    for worker in multiprocessing.active_children():
        worker.kill()
    with pytest.raises(SeedwitnessError, match="was killed, most often because memory ran out"):
        list(shards)
    finished = files(tmp_path)
    assert 0 < len(finished) < 100
    resumed = Execution(tiny, recipes, batch=4, shard=4, ledger=tmp_path).run()
    assert resumed.cached == len(finished)
    assert finished.items() <= files(tmp_path).items()


def test_another_batch_differs_in_last_bits_only(tiny: LoadedCheckpoint, tmp_path: Path) -> None:
    ones = run(tiny, tmp_path, batch=1)
    fours = run(tiny, tmp_path, batch=4)
    assert fours.cached == 0
    for name, sample in ones.samples.items():
        torch.testing.assert_close(fours.samples[name].latent, sample.latent, rtol=0, atol=1e-4)
        assert fours.samples[name].noise_sha256 == sample.noise_sha256


def test_a_damaged_shard_is_computed_again(
    tiny: LoadedCheckpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(tiny, tmp_path)
    before = files(tmp_path)
    damaged = sorted(tmp_path.rglob("*.safetensors"))[0]
    damaged.write_bytes(damaged.read_bytes()[:-5])
    with caplog.at_level(logging.WARNING):
        again = run(tiny, tmp_path)
    assert (again.cached, again.computed) == (3, 1)
    assert files(tmp_path) == before
    assert damaged.name in caplog.text


def test_an_execution_gives_every_trial_once(tiny: LoadedCheckpoint, tmp_path: Path) -> None:
    run(tiny, tmp_path, ROWS[:5])
    execution = Execution(tiny, ROWS, batch=2, shard=4, ledger=tmp_path)
    trials = [name for samples in execution for name in samples]
    assert sorted(trials) == sorted(recipe.id for recipe in ROWS)
    assert execution.samples.keys() == set(trials)


def test_nothing_is_printed_without_a_terminal(
    tiny: LoadedCheckpoint, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(tiny, tmp_path, ROWS[:2])
    assert capfd.readouterr() == ("", "")


def test_no_recipes_give_an_empty_result(tiny: LoadedCheckpoint, tmp_path: Path) -> None:
    empty = run(tiny, tmp_path, [])
    assert (empty.samples, empty.cached, empty.computed, empty.keys) == ({}, 0, 0, frozenset())


def test_a_truncated_prompt_gives_a_warning(
    tiny: LoadedCheckpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    limit = tiny.checkpoint.prompt_limit
    text = "1 " * (limit + 3)
    with caplog.at_level(logging.WARNING):
        run(tiny, tmp_path, [replace(RECIPE, prompt=text), replace(RECIPE, prompt="1 ")])
    (message,) = [each for each in caplog.messages if "are cut" in each]
    assert f"reads {limit} tokens" in message
    assert "the last 5 tokens of" in message  # the limit includes the begin and end tokens


def test_sizes_are_refused_before_anything_is_computed(
    tiny: LoadedCheckpoint, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="not 36 × 32"):
        run(tiny, tmp_path, [*ROWS, replace(RECIPE, width=36)])
    assert files(tmp_path) == {}


def test_latents_that_are_not_finite_are_refused(tiny: LoadedCheckpoint) -> None:
    with pytest.raises(CheckpointError, match="not finite numbers"):
        sample_recipes(tiny, [replace(RECIPE, guidance=1e38)])
