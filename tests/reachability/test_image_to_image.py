"""Image to image equals that of diffusers; optimised latents come nearer than the round trip."""

import pytest
import torch
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline
from schedulers import REFERENCE

from seedwitness.engine.sampling import draw_torch_noise, embed_prompts, encode_pictures
from seedwitness.engine.schedulers import SAMPLERS
from seedwitness.reachability.image_to_image import sample_from_image
from seedwitness.reachability.nearest_latent import optimise_latents
from seedwitness.records.recipe import Recipe
from seedwitness.seeds.step_noise import iter_step_noise

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
    latents = draw_torch_noise([3], SHAPE)
    reference = StableDiffusionImg2ImgPipeline(**tiny_pipeline.components)
    reference.scheduler = REFERENCE[sampler](tiny_pipeline.scheduler.config)
    expected = reference(
        prompt="a red fish",
        image=latents,
        strength=strength,
        num_inference_steps=10,
        guidance_scale=guidance,
        generator=torch.Generator().manual_seed(7),
        output_type="latent",
    ).images
    found = sample_from_image(
        tiny_pipeline,
        embed_prompts(tiny_pipeline, ["a red fish"]),
        latents,
        draw_torch_noise([7], SHAPE),
        strength=strength,
        num_inference_steps=10,
        guidance_scale=guidance,
        sampler=sampler,
        step_noise=iter_step_noise([Recipe("", 7, 32, 32, sampler, 10, guidance)], SHAPE),
    )
    assert torch.equal(found, expected)


def test_a_strength_below_a_step_changes_nothing(tiny_pipeline: StableDiffusionPipeline) -> None:
    latents = draw_torch_noise([3], SHAPE)
    found = sample_from_image(
        tiny_pipeline,
        embed_prompts(tiny_pipeline, [""]),
        latents,
        draw_torch_noise([7], SHAPE),
        strength=0.05,
        num_inference_steps=10,
        guidance_scale=1.0,
    )
    assert torch.equal(found, latents)


def test_optimised_latents_come_nearer_and_images_are_independent(
    tiny_pipeline: StableDiffusionPipeline,
) -> None:
    shown = pictures(3)
    start = encode_pictures(tiny_pipeline.vae, shown)
    scale = tiny_pipeline.vae.config.scaling_factor

    def measure_error(latents: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            decoded = tiny_pipeline.vae.decode(latents / scale).sample
        return (decoded - (shown[: len(latents)].float() / 127.5 - 1)).square().mean((1, 2, 3))

    optimised = optimise_latents(tiny_pipeline, shown, start, 20)
    assert (measure_error(optimised) < measure_error(start)).all()
    alone = optimise_latents(tiny_pipeline, shown[:1], start[:1], 20)
    assert torch.allclose(optimised[:1], alone, atol=1e-4)
    assert torch.equal(optimise_latents(tiny_pipeline, shown, start, 0), start)
    assert all(each.grad is None for each in tiny_pipeline.vae.parameters())
