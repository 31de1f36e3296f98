"""Small checkpoints of every family's real classes, against the family's own pipeline."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from schedulers import REFERENCE
from small_families import SMALL, save_small

from seedwitness.checkpoints.families import FAMILIES
from seedwitness.checkpoints.identity import identify_checkpoint
from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.detectors.probe import Probe
from seedwitness.engine.inversion import invert
from seedwitness.engine.sampling import (
    count_truncated_tokens,
    decode_latents,
    embed_prompts,
    encode_pictures,
)
from seedwitness.engine.schedulers import describe_scheduler, is_flow
from seedwitness.engine.shard_computation import sample_recipes
from seedwitness.errors import CheckpointError, ConfigError
from seedwitness.records.recipe import Recipe

DTYPES = ("float32", "float16", "bfloat16")
# Measured: 3e-6.
BATCHED = 1e-4


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("families")
    for name in SMALL:
        save_small(name, root / name)
    return {name: root / name for name in SMALL}


def load(folder: Path, dtype: str = "float32") -> LoadedCheckpoint:
    settings = CheckpointSettings.model_validate(
        {"family": "diffusers", "path": folder, "dtype": dtype}
    )
    return load_checkpoint("small", settings)


def run_pipeline(folder: Path, dtype: str, output_type: str, **arguments: Any) -> Any:
    """The family's own pipeline, as plain diffusers opens and runs it, for seed 7."""
    index = json.loads((folder / "model_index.json").read_text())
    name = index["_class_name"]
    absent = {}
    if "StableDiffusion3" in name and index.get("text_encoder_3", [None])[0] is None:
        absent = {"text_encoder_3": None, "tokenizer_3": None}
    pipeline = getattr(diffusers, name).from_pretrained(
        folder, dtype=getattr(torch, dtype), local_files_only=True, **absent
    )
    pipeline.set_progress_bar_config(disable=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of its own `upcast_vae`
        found = pipeline(
            generator=torch.Generator().manual_seed(7), output_type=output_type, **arguments
        ).images
    if name == "FluxPipeline" and output_type == "latent":
        sides = arguments["height"], arguments["width"]
        found = pipeline._unpack_latents(found, *sides, pipeline.vae_scale_factor)
    return found


def make_recipe(dtype: str = "float32", **changes: Any) -> Recipe:
    values: dict[str, Any] = {
        "prompt": "a red fish",
        "seed": 7,
        "width": 48,
        "height": 32,
        "sampler": "checkpoint",
        "steps": 4,
        "guidance": 3.0,
        "dtype": dtype,
    }
    return Recipe(**(values | changes))


def test_every_family_has_a_small_checkpoint(folders: dict[str, Path]) -> None:
    names = {type(load(folder).pipeline).__name__ for folder in folders.values()}
    assert names == set(FAMILIES) - {"StableDiffusionPipeline"}  # which other tests take


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SMALL)
def test_latents_and_pixels_are_those_of_the_familys_pipeline(
    folders: dict[str, Path], name: str, dtype: str
) -> None:
    loaded = load(folders[name], dtype)
    (found,), _ = sample_recipes(loaded, [make_recipe(dtype)])
    arguments = {
        "prompt": "a red fish",
        "num_inference_steps": 4,
        "guidance_scale": 3.0,
        "width": 48,
        "height": 32,
    }
    expected = run_pipeline(folders[name], dtype, "latent", **arguments)
    assert torch.equal(found[None], expected)
    images = run_pipeline(folders[name], dtype, "np", **arguments)
    pixels = decode_latents(loaded.pipeline, found[None]).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(pixels, (images * 255).round().astype(np.uint8))


@pytest.mark.parametrize("name", [name for name in SMALL if "flux" not in name])
def test_latents_with_a_negative_prompt_are_those_of_the_familys_pipeline(
    folders: dict[str, Path], name: str
) -> None:
    (found,), _ = sample_recipes(load(folders[name]), [make_recipe(negative_prompt="a lighthouse")])
    expected = run_pipeline(
        folders[name],
        "float32",
        "latent",
        prompt="a red fish",
        negative_prompt="a lighthouse",
        num_inference_steps=4,
        guidance_scale=3.0,
        width=48,
        height=32,
    )
    assert torch.equal(found[None], expected)


@pytest.mark.parametrize("name", SMALL)
def test_a_batch_gives_what_single_recipes_give(folders: dict[str, Path], name: str) -> None:
    loaded = load(folders[name])
    recipes = [make_recipe(seed=3, prompt="a blue lighthouse"), make_recipe(), make_recipe(seed=9)]
    together, _ = sample_recipes(loaded, recipes)
    for row, recipe in enumerate(recipes):
        (alone,), _ = sample_recipes(loaded, [recipe])
        torch.testing.assert_close(together[row], alone, rtol=0, atol=BATCHED)


@pytest.mark.parametrize("sampler", ["euler-a", "dpmpp-2m-karras", "ddim"])
def test_the_samplers_of_xl_are_those_of_its_pipeline(
    folders: dict[str, Path], sampler: str
) -> None:
    loaded = load(folders["xl"])
    (found,), _ = sample_recipes(loaded, [make_recipe(sampler=sampler)])
    pipeline = diffusers.StableDiffusionXLPipeline.from_pretrained(
        folders["xl"], local_files_only=True
    )
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = REFERENCE[sampler](pipeline.scheduler.config)
    expected = pipeline(
        "a red fish",
        num_inference_steps=4,
        guidance_scale=3.0,
        width=48,
        height=32,
        generator=torch.Generator().manual_seed(7),
        output_type="latent",
    ).images
    assert torch.equal(found[None], expected)


def test_samplers_that_a_flow_does_not_have_are_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match=r"flow matching has no sampler `dpmpp-2m`"):
        sample_recipes(load(folders["3"]), [make_recipe(sampler="dpmpp-2m")])
    by_name, _ = sample_recipes(load(folders["3"]), [make_recipe(sampler="euler")])
    own, _ = sample_recipes(load(folders["3"]), [make_recipe()])
    assert torch.equal(by_name, own)


@pytest.mark.parametrize("name", SMALL)
def test_inversion_recovers_the_noise(folders: dict[str, Path], name: str) -> None:
    loaded = load(folders[name])
    recipe = make_recipe(guidance=1.0, steps=20, sampler="euler" if "xl" not in name else "ddim")
    latents, _ = sample_recipes(loaded, [recipe])
    shape = loaded.latent_shape(48, 32)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(7))
    states = embed_prompts(loaded.pipeline, ["a red fish"])

    def correlate(rounds: int) -> float:
        found = invert(loaded.pipeline, states, latents, num_inference_steps=20, rounds=rounds)
        return float(torch.corrcoef(torch.stack([found.flatten(), noise.flatten()]))[0, 1])

    assert correlate(0) > 0.9
    assert correlate(6) > 0.999


@pytest.mark.parametrize("name", SMALL)
def test_pictures_are_encoded_to_what_decodes_to_them(folders: dict[str, Path], name: str) -> None:
    pipeline = load(folders[name]).pipeline
    levels = torch.arange(256, dtype=torch.uint8).repeat(12).reshape(1, 3, 32, 32)
    found = encode_pictures(pipeline.vae, levels)
    with torch.no_grad():
        clean = pipeline.vae.encode(levels.float() / 127.5 - 1).latent_dist.mode()
        expected = pipeline.vae.decode(clean).sample
    result = decode_latents(pipeline, found)
    shown = ((expected / 2 + 0.5).clamp(0, 1) * 255).round()
    assert (result.float() - shown).abs().max() <= 1


def test_the_identity_names_what_a_family_has(folders: dict[str, Path]) -> None:
    def identify(name: str) -> Any:
        return identify_checkpoint(name, load(folders[name]).settings)

    assert identify("xl").prediction_type == "epsilon"
    assert {part.name for part in identify("3").components} >= {"text_encoder_3", "tokenizer_3"}
    assert "text_encoder_3" not in {part.name for part in identify("3-without-t5").components}
    flux = identify("flux")
    assert (flux.prediction_type, flux.latent_channels, flux.prompt_limit) == ("flow", 4, 512)
    assert load(folders["flux"]).latent_shape(48, 32) == (4, 16, 24)
    with pytest.raises(ConfigError, match="multiples of 16"):
        load(folders["3"]).latent_shape(40, 32)


def test_detectors_of_another_family_are_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(CheckpointError, match="`detectors=none`"):
        Probe(load(folders["xl"]).pipeline, "a red fish")


def test_long_prompts_are_counted_by_the_encoder_that_reads_most(
    folders: dict[str, Path],
) -> None:
    long = "a red fish " * 60
    flux = load(folders["flux"]).pipeline
    count = len(flux.tokenizer_2(long).input_ids)
    assert count_truncated_tokens(flux, [long, "a"]) == [count - 512, 0]
    assert is_flow(describe_scheduler(flux.scheduler))


def test_a_missing_component_of_a_family_is_named(folders: dict[str, Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folders["xl"], tmp_path / "xl"))
    (copy / "text_encoder_2" / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"text_encoder_2/model\.safetensors"):
        load(copy)


def test_xl_named_as_the_first_family_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folders["xl"], tmp_path / "xl"))
    index = copy / "model_index.json"
    text = index.read_text().replace("StableDiffusionXLPipeline", "StableDiffusionPipeline")
    index.write_text(text)
    with pytest.raises(CheckpointError, match="its denoiser is that of Stable Diffusion XL"):
        load(copy)
