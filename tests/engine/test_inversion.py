"""Inversion undoes sampling, and fixed-point iteration brings it nearer."""

import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline

from seedwitness.engine import inversion
from seedwitness.engine.inversion import invert
from seedwitness.engine.sampling import draw_torch_noise, embed_prompts, sample_latents

SHAPE = (4, 8, 8)
STEPS = 10


def correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_inversion_recovers_the_noise(pipeline: StableDiffusionPipeline, guidance: float) -> None:
    noise = draw_torch_noise([3, 4], SHAPE)
    prompt = embed_prompts(pipeline, ["a red fish"])
    latents = sample_latents(
        pipeline,
        prompt.expand(2, -1, -1),
        noise,
        num_inference_steps=STEPS,
        guidance_scale=guidance,
        sampler="ddim",
    )
    recovered = [
        invert(
            pipeline,
            prompt,
            latents,
            num_inference_steps=STEPS,
            guidance_scale=guidance,
            rounds=rounds,
        )
        for rounds in (0, 20)
    ]
    assert correlation(recovered[1], noise) > 0.99
    assert correlation(recovered[1], noise) >= correlation(recovered[0], noise) - 1e-4
    assert (recovered[1] - noise).abs().max() < 0.2


def test_the_noise_in_each_kind_of_prediction_is_the_same(
    pipeline: StableDiffusionPipeline,
) -> None:
    """From x = a·clean + s·noise, whichever of them the denoiser predicts."""
    clean, noise = draw_torch_noise([1, 2], SHAPE)
    t = torch.tensor(500)
    alpha = pipeline.scheduler.alphas_cumprod[t]
    a, s = alpha.sqrt(), (1 - alpha).sqrt()
    predictions = {"epsilon": noise, "v_prediction": a * noise - s * clean, "sample": clean}
    for kind, out in predictions.items():
        scheduler = DDIMScheduler.from_config(pipeline.scheduler.config, prediction_type=kind)
        extracted = inversion.extract_noise(scheduler, out, a * clean + s * noise, t)
        assert torch.allclose(extracted, noise, atol=1e-5)


def test_a_row_does_not_depend_on_the_others(pipeline: StableDiffusionPipeline) -> None:
    latents = draw_torch_noise([5, 6], SHAPE)
    prompt = embed_prompts(pipeline, [""])
    both = invert(pipeline, prompt, latents, num_inference_steps=4, rounds=1)
    one = invert(pipeline, prompt, latents[1:], num_inference_steps=4, rounds=1)
    assert torch.allclose(both[1:], one, atol=1e-3)
