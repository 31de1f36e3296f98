"""Image to image is diffusers' own; the descent comes nearer than the round trip."""

import pytest
import torch
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline
from schedulers import REFERENCE

from seedwitness.engine.sampling import embed_prompts, encode_pictures, torch_noise
from seedwitness.engine.schedulers import SAMPLERS
from seedwitness.reachability.guided import image_to_image, nearest_latents

SHAPE = (4, 8, 8)


def pictures(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 3, 32, 32), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("strength", [0.1, 0.2, 0.5, 0.79, 1.0])
@pytest.mark.parametrize("guidance", [1.0, 3.0])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_image_to_image_is_that_of_diffusers(
    tiny_pipeline: StableDiffusionPipeline, sampler: str, guidance: float, strength: float
) -> None:
    latents = torch_noise([3], SHAPE)
    theirs = StableDiffusionImg2ImgPipeline(**tiny_pipeline.components)
    theirs.scheduler = REFERENCE[sampler].from_config(tiny_pipeline.scheduler.config)
    expected = theirs(
        prompt="a red fish",
        image=latents,
        strength=strength,
        num_inference_steps=10,
        guidance_scale=guidance,
        generator=torch.Generator().manual_seed(7),
        output_type="latent",
    ).images
    found = image_to_image(
        tiny_pipeline,
        embed_prompts(tiny_pipeline, ["a red fish"]),
        latents,
        torch_noise([7], SHAPE),
        strength=strength,
        num_inference_steps=10,
        guidance_scale=guidance,
        sampler=sampler,
    )
    assert torch.equal(found, expected)


def test_a_strength_below_a_step_changes_nothing(tiny_pipeline: StableDiffusionPipeline) -> None:
    latents = torch_noise([3], SHAPE)
    found = image_to_image(
        tiny_pipeline,
        embed_prompts(tiny_pipeline, [""]),
        latents,
        torch_noise([7], SHAPE),
        strength=0.05,
        num_inference_steps=10,
        guidance_scale=1.0,
    )
    assert torch.equal(found, latents)


def test_the_descent_comes_nearer_and_each_picture_by_itself(
    tiny_pipeline: StableDiffusionPipeline,
) -> None:
    shown = pictures(3)
    start = encode_pictures(tiny_pipeline, shown)
    scale = tiny_pipeline.vae.config.scaling_factor

    def far(latents: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            decoded = tiny_pipeline.vae.decode(latents / scale).sample
        return (decoded - (shown[: len(latents)].float() / 127.5 - 1)).square().mean((1, 2, 3))

    found = nearest_latents(tiny_pipeline, shown, start, 20)
    assert (far(found) < far(start)).all()
    alone = nearest_latents(tiny_pipeline, shown[:1], start[:1], 20)
    assert torch.allclose(found[:1], alone, atol=1e-4)
    assert torch.equal(nearest_latents(tiny_pipeline, shown, start, 0), start)
    assert all(each.grad is None for each in tiny_pipeline.vae.parameters())
