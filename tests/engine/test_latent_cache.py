import json
import logging
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from seedwitness.engine import latent_cache
from seedwitness.engine.latent_cache import EngineEnvironment, KeyedBatches, Shard
from seedwitness.records.recipe import Recipe

RECIPE = Recipe(prompt="a", seed=0, width=32, height=32, sampler="ddim", steps=2, guidance=3.0)
CHECKPOINT = "c" * 64
ENVIRONMENT = EngineEnvironment("e" * 64, (("torch", "2.13.0"),), "cpu AVX2", 2)
BATCHES = KeyedBatches(CHECKPOINT, 4, ENVIRONMENT)


def recipes(seeds: int, prompts: str = "a") -> list[Recipe]:
    return [replace(RECIPE, prompt=p, seed=seed) for p in prompts for seed in range(seeds)]


def cut(rows: list[Recipe], size: int = 4) -> list[Shard]:
    return latent_cache.cut_into_shards(BATCHES, rows, size=size)


def test_every_recipe_is_in_one_shard_whatever_their_order() -> None:
    rows = recipes(11, "abc")
    shards = cut(rows)
    assert sorted(each.id for shard in shards for each in shard.recipes) == sorted(
        each.id for each in rows
    )
    shuffled = [*rows, *rows[:5]]
    random.Random(1).shuffle(shuffled)
    assert cut(shuffled) == shards


def test_full_shards_are_successive_seeds_of_one_prompt_and_the_rest_share_shards() -> None:
    shards = [[(each.prompt, each.seed) for each in s.recipes] for s in cut(recipes(6, "abc"))]
    assert shards == [
        [("a", 0), ("a", 1), ("a", 2), ("a", 3)],
        [("b", 0), ("b", 1), ("b", 2), ("b", 3)],
        [("c", 0), ("c", 1), ("c", 2), ("c", 3)],
        [("a", 4), ("a", 5), ("b", 4), ("b", 5)],
        [("c", 4), ("c", 5)],
    ]


def test_seeds_are_in_the_order_of_numbers() -> None:
    (shard,) = cut([replace(RECIPE, seed=seed) for seed in (10, 9, 2**31, 100)])
    assert [each.seed for each in shard.recipes] == [9, 10, 100, 2**31]


def test_a_larger_budget_and_another_prompt_keep_full_shards() -> None:
    before = set(cut(recipes(8, "a")))
    assert before <= set(cut(recipes(13, "a")))
    assert before <= set(cut(recipes(8, "za")))


@pytest.mark.parametrize(
    "change",
    [
        {"sampler": "euler"},
        {"steps": 3},
        {"guidance": 2.0},
        {"eta": 0.5},
        {"width": 40},
        {"rng": "other"},
        {"dtype": "float16"},
    ],
)
def test_a_setting_that_changes_latents_changes_the_key(change: dict[str, object]) -> None:
    other = replace(RECIPE, **change)  # type: ignore[arg-type]
    assert BATCHES.key(other) != BATCHES.key(RECIPE)
    assert len({shard.key for shard in cut([RECIPE, other])}) == 2


def test_checkpoint_and_batch_change_the_key_and_the_seed_does_not() -> None:
    key = BATCHES.key(RECIPE)
    assert replace(BATCHES, checkpoint_sha256="d" * 64).key(RECIPE) != key
    assert replace(BATCHES, batch=5).key(RECIPE) != key
    assert BATCHES.key(replace(RECIPE, seed=9, prompt="b")) == key


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, Shard, torch.Tensor]:
    (shard,) = cut(recipes(3))
    latents = torch.randn((3, 4, 8, 8), generator=torch.Generator().manual_seed(1))
    latent_cache.write_shard(tmp_path, shard, latents, ["x", "y", "z"])
    return tmp_path, shard, latents


def test_a_shard_is_read_as_it_was_written(written: tuple[Path, Shard, torch.Tensor]) -> None:
    root, shard, latents = written
    samples = latent_cache.read_shard(root, shard)
    assert samples is not None
    for recipe, latent, noise in zip(shard.recipes, latents, "xyz", strict=True):
        sample = samples[recipe.id]
        assert torch.equal(sample.latent, latent)
        assert sample.noise_sha256 == noise
        assert [sample.latent_sha256] == latent_cache.hash_rows(latent[None])
    assert list(root.rglob("*.part*")) == []


def test_the_same_shard_has_the_same_bytes(
    written: tuple[Path, Shard, torch.Tensor], tmp_path: Path
) -> None:
    root, shard, latents = written
    latent_cache.write_shard(tmp_path / "again", shard, latents, ["x", "y", "z"])
    assert shard.path(root).read_bytes() == shard.path(tmp_path / "again").read_bytes()


def test_half_precision_has_hashes_too() -> None:
    rows = torch.randn((2, 4, 8, 8)).to(torch.bfloat16)
    assert len(set(latent_cache.hash_rows(rows))) == 2


def test_a_missing_shard_has_to_be_computed(tmp_path: Path) -> None:
    assert latent_cache.read_shard(tmp_path, cut(recipes(3))[0]) is None


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


def reorder_recipes(path: Path) -> None:
    with safe_open(path, framework="pt") as file:
        metadata, latents = json.loads(file.metadata()["seedwitness"]), file.get_tensor("latents")
    metadata["recipes"] = metadata["recipes"][::-1]
    save_file({"latents": latents}, path, {"seedwitness": json.dumps(metadata)})


def remove_metadata(path: Path) -> None:
    save_file({"latents": torch.zeros(3, 4, 8, 8)}, path)


@pytest.mark.parametrize("harm", [truncate, empty, flip_bit, reorder_recipes, remove_metadata])
def test_a_damaged_shard_has_to_be_computed_again_with_a_warning(
    written: tuple[Path, Shard, torch.Tensor],
    harm: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    root, shard, _ = written
    harm(shard.path(root))
    with caplog.at_level(logging.WARNING):
        assert latent_cache.read_shard(root, shard) is None
    assert str(shard.path(root)) in caplog.text
    assert "computed again" in caplog.text
