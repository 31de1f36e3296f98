import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, EulerDiscreteScheduler, StableDiffusionPipeline

from seedwitness.checkpoints.sampling import (
    decode_latents,
    embed_prompts,
    sample_latents,
    torch_noise,
)

SHAPE = (4, 8, 8)


def test_noise_is_what_one_generator_a_seed_draws() -> None:
    noise = torch_noise([3, 2**32 - 1], SHAPE)
    assert torch.equal(noise[0], torch.randn(SHAPE, generator=torch.Generator().manual_seed(3)))
    assert torch.equal(torch_noise([2**32 - 1], SHAPE)[0], noise[1])


@pytest.mark.parametrize("guidance", [1.0, 3.0])
@pytest.mark.parametrize("scheduler", [None, EulerDiscreteScheduler, DPMSolverMultistepScheduler])
def test_latents_are_those_of_the_pipeline_itself(
    tiny_pipeline: StableDiffusionPipeline, guidance: float, scheduler: type | None
) -> None:
    before = tiny_pipeline.scheduler
    if scheduler is not None:
        tiny_pipeline.scheduler = scheduler.from_config(before.config)
    try:
        expected = tiny_pipeline(
            "a red fish",
            generator=torch.Generator().manual_seed(7),
            num_inference_steps=5,
            guidance_scale=guidance,
            output_type="latent",
        ).images
        found = sample_latents(
            tiny_pipeline,
            embed_prompts(tiny_pipeline, ["a red fish"]),
            torch_noise([7], SHAPE),
            num_inference_steps=5,
            guidance_scale=guidance,
        )
    finally:
        tiny_pipeline.scheduler = before
    assert torch.equal(found, expected)


def test_a_batch_gives_what_single_seeds_give(tiny_pipeline: StableDiffusionPipeline) -> None:
    def sampled(seeds: list[int]) -> torch.Tensor:
        prompts = embed_prompts(tiny_pipeline, ["a blue lighthouse"] * len(seeds))
        return sample_latents(
            tiny_pipeline,
            prompts,
            torch_noise(seeds, SHAPE),
            num_inference_steps=4,
            guidance_scale=2.0,
        )

    together = sampled([1, 2, 3])
    for k, seed in enumerate([1, 2, 3]):
        torch.testing.assert_close(together[k], sampled([seed])[0], rtol=0, atol=1e-4)


def test_pictures_are_those_of_the_pipeline_itself(tiny_pipeline: StableDiffusionPipeline) -> None:
    latents = torch_noise([5], SHAPE)
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
    found = decode_latents(tiny_pipeline, final).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(found, (expected * 255).round().astype(np.uint8))
