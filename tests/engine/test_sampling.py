from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline, VQDiffusionScheduler
from schedulers import CLASSES, REFERENCE

from seedwitness.checkpoints.identity import identify_checkpoint
from seedwitness.checkpoints.loading import LoadedCheckpoint, load_pipeline
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.engine.sampling import (
    count_truncated_tokens,
    decode_latents,
    draw_torch_noise,
    embed_prompts,
    embed_prompts_separately,
    encode_pictures,
    make_scheduler,
    sample_latents,
)
from seedwitness.engine.schedulers import (
    SAMPLERS,
    build_scheduler,
    resolve_sampler,
    set_timesteps,
)
from seedwitness.engine.shard_computation import sample_recipes
from seedwitness.errors import ConfigError
from seedwitness.records.recipe import Recipe, count_nfe
from seedwitness.seeds.step_noise import iter_step_noise

SHAPE = (4, 8, 8)
# Measured: 4e-6 after 7 steps at guidance 7.5, where latents reach 30; 1.2e-4 by `lcm` and
# `dpmpp-2m-sde-karras`, which add noise.
BATCHED = 3e-4


def sample_by_pipeline(
    pipeline: StableDiffusionPipeline,
    sampler: str,
    output_type: str = "latent",
    **arguments: object,
) -> object:
    """Final latents of StableDiffusionPipeline itself, for seed 7."""
    before = pipeline.scheduler
    pipeline.scheduler = REFERENCE[sampler](before.config)
    try:
        generator = torch.Generator().manual_seed(7)
        return pipeline(generator=generator, output_type=output_type, **arguments).images
    finally:
        pipeline.scheduler = before


def step_noise(seeds: list[int], shape: tuple[int, ...] = SHAPE) -> Iterator[torch.Tensor]:
    recipes = [Recipe("", seed, 32, 32, "euler-a", 1, 1.0) for seed in seeds]
    return iter_step_noise(recipes, shape)


def test_noise_is_what_one_generator_a_seed_draws() -> None:
    noise = draw_torch_noise([3, 2**32 - 1], SHAPE)
    assert torch.equal(noise[0], torch.randn(SHAPE, generator=torch.Generator().manual_seed(3)))
    assert torch.equal(draw_torch_noise([2**32 - 1], SHAPE)[0], noise[1])


def test_every_sampler_has_its_reference() -> None:
    assert set(SAMPLERS) == set(REFERENCE)


@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("guidance", [1.0, 3.0, 7.5])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_latents_are_those_of_the_pipeline_itself(
    tiny_pipeline: StableDiffusionPipeline, sampler: str, guidance: float, steps: int
) -> None:
    expected = sample_by_pipeline(
        tiny_pipeline,
        sampler,
        prompt="a red fish",
        num_inference_steps=steps,
        guidance_scale=guidance,
    )
    result = sample_latents(
        tiny_pipeline,
        embed_prompts(tiny_pipeline, ["a red fish"]),
        draw_torch_noise([7], SHAPE),
        num_inference_steps=steps,
        guidance_scale=guidance,
        sampler=sampler,
        step_noise=step_noise([7]),
    )
    assert torch.equal(result, expected)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_latents_with_a_negative_prompt_and_another_size_are_those_of_the_pipeline(
    tiny_pipeline: StableDiffusionPipeline, sampler: str
) -> None:
    expected = sample_by_pipeline(
        tiny_pipeline,
        sampler,
        prompt="a red fish",
        negative_prompt="a blue lighthouse",
        width=40,
        height=24,
        num_inference_steps=3,
        guidance_scale=5.0,
    )
    result = sample_latents(
        tiny_pipeline,
        embed_prompts_separately(tiny_pipeline, ["a red fish"]),
        draw_torch_noise([7], (4, 6, 10)),
        num_inference_steps=3,
        guidance_scale=5.0,
        sampler=sampler,
        negative=embed_prompts_separately(tiny_pipeline, ["a blue lighthouse"]),
        step_noise=step_noise([7], (4, 6, 10)),
    )
    assert torch.equal(result, expected)


def test_latents_with_noise_in_every_step_are_those_of_the_pipeline(
    tiny_pipeline: StableDiffusionPipeline,
) -> None:
    expected = sample_by_pipeline(
        tiny_pipeline,
        "ddim",
        prompt="a red fish",
        num_inference_steps=4,
        guidance_scale=3.0,
        eta=0.7,
    )
    result = sample_latents(
        tiny_pipeline,
        embed_prompts(tiny_pipeline, ["a red fish"]),
        draw_torch_noise([7], SHAPE),
        num_inference_steps=4,
        guidance_scale=3.0,
        sampler="ddim",
        eta=0.7,
        step_noise=step_noise([7]),
    )
    assert torch.equal(result, expected)


@pytest.mark.parametrize("sampler", [None, *SAMPLERS])
def test_a_batch_gives_what_single_seeds_give(
    tiny_pipeline: StableDiffusionPipeline, sampler: str | None
) -> None:
    prompts = ["a blue lighthouse", "a red fish", "a blue lighthouse"]

    def sample(rows: list[int]) -> torch.Tensor:
        return sample_latents(
            tiny_pipeline,
            embed_prompts_separately(tiny_pipeline, [prompts[row] for row in rows]),
            draw_torch_noise(rows, SHAPE),
            num_inference_steps=7,
            guidance_scale=7.5,
            sampler=sampler,
            step_noise=step_noise(rows),
        )

    together = sample([0, 1, 2])
    for row in range(3):
        torch.testing.assert_close(together[row], sample([row])[0], rtol=0, atol=BATCHED)


def test_every_row_has_its_own_noise_in_every_step(tiny_pipeline: StableDiffusionPipeline) -> None:
    def sample(seeds: list[int]) -> torch.Tensor:
        return sample_latents(
            tiny_pipeline,
            embed_prompts_separately(tiny_pipeline, ["a red fish"] * len(seeds)),
            draw_torch_noise(seeds, SHAPE),
            num_inference_steps=3,
            guidance_scale=2.0,
            sampler="ddim",
            eta=1.0,
            step_noise=step_noise(seeds),
        )

    together = sample([1, 2])
    torch.testing.assert_close(together[1], sample([2])[0], rtol=0, atol=BATCHED)


def test_a_prompts_states_do_not_depend_on_the_batch(
    tiny_pipeline: StableDiffusionPipeline,
) -> None:
    alone = embed_prompts(tiny_pipeline, ["a red fish"])
    among = embed_prompts_separately(tiny_pipeline, ["a", "a red fish", "a", "a red fish", "b c d"])
    assert torch.equal(among[1], alone[0])
    assert torch.equal(among[3], alone[0])


def test_long_prompts_are_cut_as_the_pipeline_cuts_them(
    tiny_pipeline: StableDiffusionPipeline,
) -> None:
    limit = tiny_pipeline.tokenizer.model_max_length
    # Each digit is one token, and so are the begin and the end.
    texts = ["1 " * (limit - 2), "1 " * (limit + 1) + "a red fish", "a red fish"]
    assert count_truncated_tokens(tiny_pipeline, texts)[0] == 0
    assert count_truncated_tokens(tiny_pipeline, texts)[1] > 3
    expected, _ = tiny_pipeline.encode_prompt(texts[1], "cpu", 1, False)
    assert torch.equal(embed_prompts(tiny_pipeline, [texts[1]]), expected)
    assert torch.equal(embed_prompts(tiny_pipeline, [texts[0]]), expected)


@pytest.mark.parametrize(
    ("sampler", "eta", "steps", "message"),
    [
        ("eular", 0.0, 2, "Did you mean `euler`"),
        ("euler", 0.5, 2, "has no eta"),
        ("ddim", 0.0, 1001, "cannot take 1001 steps"),
        ("ddim", 0.0, 1000, "cannot take 1000 steps"),
    ],
)
def test_settings_that_a_sampler_does_not_support_are_refused(
    tiny_pipeline: StableDiffusionPipeline, sampler: str, eta: float, steps: int, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        sample_latents(
            tiny_pipeline,
            embed_prompts(tiny_pipeline, [""]),
            draw_torch_noise([1], SHAPE),
            num_inference_steps=steps,
            guidance_scale=1.0,
            sampler=sampler,
            eta=eta,
        )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_latents_and_pixels_in_half_precision_are_those_of_the_pipeline(
    tiny_checkpoint: Path, sampler: str, dtype: str
) -> None:
    settings = CheckpointSettings.model_validate(
        {"family": "diffusers", "path": tiny_checkpoint, "dtype": dtype}
    )
    pipeline = load_pipeline(settings)
    arguments = {"prompt": "a red fish", "num_inference_steps": 4, "guidance_scale": 3.0}
    expected = sample_by_pipeline(pipeline, sampler, **arguments)
    recipe = Recipe("a red fish", 7, 32, 32, sampler, 4, 3.0, dtype=dtype)
    loaded = LoadedCheckpoint(pipeline, identify_checkpoint("tiny", settings), settings)
    found, _ = sample_recipes(loaded, [recipe])
    assert torch.equal(found, expected)  # type: ignore[arg-type]
    images = sample_by_pipeline(pipeline, sampler, output_type="np", **arguments)
    pixels = decode_latents(pipeline, found).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(pixels, (images * 255).round().astype(np.uint8))  # type: ignore[operator]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_evaluations_are_counted_as_the_scheduler_makes_them(
    tiny_pipeline: StableDiffusionPipeline, sampler: str
) -> None:
    for steps in (2, 7):
        scheduler = make_scheduler(tiny_pipeline, sampler)
        set_timesteps(scheduler, steps, torch.device("cpu"))
        assert count_nfe(steps, 1.0, sampler) == len(scheduler.timesteps)


@pytest.mark.parametrize(
    ("name", "settings"),
    [(name, CLASSES[name][1]) for name in SAMPLERS if "karras" not in name],
)
def test_the_checkpoints_own_scheduler_is_the_sampler_of_its_class(
    tiny_pipeline: StableDiffusionPipeline, name: str, settings: dict[str, object]
) -> None:
    config = tiny_pipeline.scheduler.config
    own = CLASSES[name][0].from_config(config, **settings, use_karras_sigmas=True)
    assert resolve_sampler(own, "checkpoint") == name
    built = build_scheduler(own, "checkpoint")
    kept = {key: value for key, value in own.config.items() if not key.startswith("_")}
    assert {key: built.config[key] for key in kept} == kept
    with pytest.raises(ConfigError, match="with settings that no sampler has"):
        resolve_sampler(VQDiffusionScheduler(num_vec_classes=4), "checkpoint")


def test_pictures_are_those_of_the_pipeline_itself(tiny_pipeline: StableDiffusionPipeline) -> None:
    latents = draw_torch_noise([5], SHAPE)
    expected = tiny_pipeline(
        "a red fish", latents=latents, num_inference_steps=2, guidance_scale=1.0, output_type="np"
    ).images
    final = sample_latents(
        tiny_pipeline,
        embed_prompts(tiny_pipeline, ["a red fish"]),
        latents,
        num_inference_steps=2,
        guidance_scale=1.0,
    )
    result = decode_latents(tiny_pipeline, final).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(result, (expected * 255).round().astype(np.uint8))


def test_pictures_are_encoded_as_plain_diffusers_does_it(
    tiny_pipeline: StableDiffusionPipeline,
) -> None:
    levels = torch.arange(256, dtype=torch.uint8).repeat(12).reshape(1, 3, 32, 32)
    vae = tiny_pipeline.vae
    pixels = tiny_pipeline.image_processor.preprocess(levels.float() / 255)
    with torch.no_grad():
        expected = vae.encode(pixels).latent_dist.mean * vae.config.scaling_factor
    result = encode_pictures(tiny_pipeline.vae, levels)
    assert result.shape == (1, *SHAPE)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-5)
