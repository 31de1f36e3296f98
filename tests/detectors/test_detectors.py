"""Detectors against independent implementations of their formulas on a tiny checkpoint."""

import math
from itertools import islice

import pytest
import torch
from by_hand import GUIDANCE, NOISE, PROMPT, SHAPE, STEPS, ByHand, probe
from diffusers import StableDiffusionPipeline

from seedwitness.detectors import DETECTORS
from seedwitness.detectors.clique import compute_largest_clique
from seedwitness.detectors.curvature import curvature
from seedwitness.detectors.hessian import hessian
from seedwitness.detectors.invmm import CHECK_INTERVAL, invmm, optimise_noise
from seedwitness.detectors.invmm import STEPS as STEPS_OF_ADAM
from seedwitness.detectors.magnitude import first_magnitude, magnitude
from seedwitness.detectors.most_alike import most_alike
from seedwitness.detectors.one_step import one_step
from seedwitness.detectors.probe import Probe
from seedwitness.detectors.singularity import singularity
from seedwitness.engine.sampling import draw_torch_noise, embed_prompts, sample_latents


def test_the_trajectory_equals_the_engines(pipeline: StableDiffusionPipeline) -> None:
    expected = sample_latents(
        pipeline,
        embed_prompts(pipeline, [PROMPT]).expand(2, -1, -1),
        NOISE,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        sampler="ddim",
    )
    torch.testing.assert_close(
        probe(pipeline).sample_latents(NOISE), expected, atol=1e-4, rtol=1e-4
    )


def test_magnitude(pipeline: StableDiffusionPipeline, hand: ByHand) -> None:
    norms = torch.stack(
        [
            torch.stack(
                [
                    (hand.noise(x, t, PROMPT) - hand.noise(x, t, "")).norm()
                    for t, x in hand.way(row[None])
                ]
            )
            for row in NOISE
        ]
    )
    for statistic, expected in ((magnitude, norms.mean(1)), (first_magnitude, norms[:, 0])):
        found = statistic(probe(pipeline), NOISE)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_one_step(pipeline: StableDiffusionPipeline, hand: ByHand) -> None:
    t = hand.scheduler.timesteps[0]
    alpha = hand.scheduler.alphas_cumprod[t]
    expected = []
    for row in NOISE:
        plain = hand.noise(row[None], t, "")
        guided = plain + GUIDANCE * (hand.noise(row[None], t, PROMPT) - plain)
        clean = (row[None] - (1 - alpha).sqrt() * guided) / alpha.sqrt()
        distance = (row[None] / alpha.sqrt() - clean).square().mean()
        expected.append(distance * alpha / (1 - alpha))  # at the noise's own scale
    found = one_step(probe(pipeline), NOISE)
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-3, atol=1e-4)


def test_hessian_and_curvature(pipeline: StableDiffusionPipeline, hand: ByHand) -> None:
    t, x = hand.scheduler.timesteps[0], NOISE[:1]
    noises = {text: hand.noise(x, t, text).flatten() for text in (PROMPT, "")}
    jacobians = {text: hand.jacobian(x, t, text) for text in (PROMPT, "")}
    sigma = (1 - hand.scheduler.alphas_cumprod[t]).sqrt()
    product = (jacobians[PROMPT] - jacobians[""]).T @ (noises[PROMPT] - noises[""])
    torch.testing.assert_close(
        hessian(probe(pipeline), x)[0], (product / sigma**2).square().sum(), rtol=1e-3, atol=1e-6
    )
    difference = jacobians[PROMPT].T @ noises[PROMPT] - jacobians[""].T @ noises[""]
    torch.testing.assert_close(
        curvature(probe(pipeline), x)[0], difference.square().sum(), rtol=1e-3, atol=1e-6
    )


def test_singularity(pipeline: StableDiffusionPipeline, hand: ByHand) -> None:
    expected = []
    for row in NOISE:
        _, second, third, *_ = hand.way(row[None])
        change = hand.noise(third[1], third[0], PROMPT) - hand.noise(second[1], second[0], PROMPT)
        expected.append(change.square().sum())
    found = singularity(probe(pipeline), NOISE)
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-2, atol=1e-4)


def test_alignment(pipeline: StableDiffusionPipeline, hand: ByHand) -> None:
    noisy, quiet = hand.scheduler.timesteps[0], hand.scheduler.timesteps[-3]
    expected = []
    for row in NOISE:
        x = row[None]
        norm = (hand.noise(x, noisy, PROMPT) - hand.noise(x, noisy, "")).norm()
        plain = hand.noise(x, quiet, "")
        difference = hand.noise(x, quiet, PROMPT) - plain
        cosine = (plain * difference).sum(1) / (plain.norm(dim=1) * difference.norm(dim=1))
        expected.append(norm + 2 * cosine.mean())
    found = DETECTORS["alignment"].statistic(probe(pipeline), NOISE)
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-3, atol=1e-4)


def test_the_largest_clique_is_counted() -> None:
    generator = torch.Generator().manual_seed(1)
    one, other, alone = (
        torch.randint(0, 256, (3, 16, 16), generator=generator, dtype=torch.uint8) for _ in range(3)
    )
    assert compute_largest_clique(torch.stack([one, other, one, alone, other, one])) == 3
    assert compute_largest_clique(torch.stack([one, other, alone])) == 1
    assert compute_largest_clique(one[None]) == 1


def test_most_alike_needs_a_picture(pipeline: StableDiffusionPipeline) -> None:
    with pytest.raises(ValueError, match="needs a probe with a target"):
        most_alike(probe(pipeline), NOISE)
    target = torch.zeros(3, 32, 32, dtype=torch.uint8)
    target_probe = probe(
        pipeline, target=target, similarity=lambda made, it: -(made.float() - it).mean((1, 2, 3))
    )
    values = most_alike(target_probe, NOISE)
    pictures = probe(pipeline).sample_pictures(NOISE)
    torch.testing.assert_close(values, -pictures.float().mean((1, 2, 3)))
    assert DETECTORS["most-alike"](target_probe, NOISE) == pytest.approx(float(values.max()))


@pytest.mark.parametrize(
    ("name", "nfe", "backward"),
    [
        ("magnitude", 2 * STEPS, 0),
        ("first-magnitude", 2, 0),
        ("one-step", 2, 0),
        ("hessian", 2, 2),
        ("curvature", 2, 2),
        ("singularity", 5, 0),
        ("alignment", 4, 0),
        ("attention-entropy", 2 * STEPS, 0),
        ("first-attention-entropy", 1, 0),
        ("bright-ending", 2 * STEPS, 0),
        ("clique", 2 * STEPS, 0),
    ],
)
def test_the_cost_is_exact_and_the_batch_size_makes_no_difference(
    pipeline: StableDiffusionPipeline, name: str, nfe: int, backward: int
) -> None:
    detector, counting_probe = DETECTORS[name], probe(pipeline)
    together = detector.statistic(counting_probe, NOISE)
    assert (counting_probe.nfe, counting_probe.backward) == (2 * nfe, 2 * backward)
    assert together.isfinite().all()
    assert together.dtype == torch.float32
    if detector.aggregation != "all":
        alone = torch.cat([detector.statistic(probe(pipeline), row[None]) for row in NOISE])
        torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-4)
        assert detector(probe(pipeline), NOISE) == pytest.approx(float(alone.mean()), rel=1e-3)


def test_invmm_moves_noise_only_as_far_as_copies_need(
    pipeline: StableDiffusionPipeline,
) -> None:
    target = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8, generator=seeded(1))
    noise = draw_torch_noise([1, 2, 3, 4], SHAPE)
    value = invmm(
        probe(pipeline, target=target, similarity=lambda made, _: torch.ones(len(made))), noise
    )
    assert value.shape == (1,)
    assert -10 < float(value) <= 0
    distant_probe = probe(
        pipeline, target=target, similarity=lambda made, _: torch.zeros(len(made))
    )
    assert float(invmm(distant_probe, noise)) == -math.inf
    check_nfe = STEPS_OF_ADAM // CHECK_INTERVAL * 2 * 2 * STEPS  # the first picture is no copy
    assert distant_probe.nfe == STEPS_OF_ADAM * len(noise) + check_nfe
    assert distant_probe.backward == STEPS_OF_ADAM * len(noise)
    with pytest.raises(ValueError, match="needs a probe with a target"):
        invmm(probe(pipeline), noise)


def test_the_optimised_noise_is_the_one_that_is_predicted(
    pipeline: StableDiffusionPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A denoiser that always predicts the same noise, from which the target follows exactly."""
    noise = torch.randn(SHAPE, generator=seeded(2))
    target_probe = probe(pipeline, target=torch.zeros(3, 32, 32, dtype=torch.uint8))
    monkeypatch.setattr(Probe, "predict_conditional", lambda self, x, t: noise.expand_as(x) + 0 * x)
    for mean, deviation in islice(
        optimise_noise(target_probe, draw_torch_noise([1, 2, 3, 4], SHAPE)), 200
    ):
        result = mean, deviation
    assert float((result[0] - noise).abs().mean()) < 0.1
    assert float(result[1].mean()) < 0.3


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", sorted(name for name in DETECTORS if not DETECTORS[name].compares))
def test_a_checkpoint_in_half_precision_works(pipeline: StableDiffusionPipeline, name: str) -> None:
    target = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8, generator=seeded(1))
    value = DETECTORS[name](probe(pipeline.to(torch.bfloat16), target=target), NOISE)
    assert math.isfinite(value)


def test_noise_is_found_in_half_precision_too(pipeline: StableDiffusionPipeline) -> None:
    target = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8, generator=seeded(1))
    asked = probe(pipeline.to(torch.bfloat16), target=target)
    mean, deviation = next(optimise_noise(asked, NOISE))
    assert mean.dtype == deviation.dtype == torch.float32
    assert mean.isfinite().all()
