"""Detectors against their formulas, worked out in another way on a tiny checkpoint."""

import math
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from torch import Tensor

from seedwitness.checkpoints.sampling import embed_prompts, sample_latents, torch_noise
from seedwitness.detectors import DETECTORS
from seedwitness.detectors.attending import recorded
from seedwitness.detectors.attention_entropy import attention_entropy, first_attention_entropy
from seedwitness.detectors.bright_ending import bright_ending, ending
from seedwitness.detectors.clique import largest
from seedwitness.detectors.curvature import curvature
from seedwitness.detectors.hessian import hessian
from seedwitness.detectors.invmm import CHECK, fitted, invmm
from seedwitness.detectors.invmm import STEPS as STEPS_OF_ADAM
from seedwitness.detectors.magnitude import magnitude
from seedwitness.detectors.most_alike import most_alike
from seedwitness.detectors.one_step import one_step
from seedwitness.detectors.probe import Probe
from seedwitness.detectors.singularity import singularity
from seedwitness.errors import CheckpointError

SHAPE = (4, 8, 8)
STEPS, GUIDANCE = 5, 3.0
PROMPT = "a red fish"
NOISE = torch_noise([3, 4], SHAPE)


def probe(pipeline: StableDiffusionPipeline, **further: Any) -> Probe:
    return Probe(pipeline, PROMPT, steps=STEPS, guidance=GUIDANCE, **further)


class ByHand:
    """diffusers' scheduler and denoiser, one image at a time."""

    def __init__(self, pipeline: StableDiffusionPipeline) -> None:
        self.pipeline = pipeline
        self.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
        self.scheduler.set_timesteps(STEPS)
        self.embedded = {text: embed_prompts(pipeline, [text]) for text in (PROMPT, "")}

    def output(self, x: Tensor, t: Tensor, text: str) -> Tensor:
        found: Tensor = self.pipeline.unet(x, t, self.embedded[text]).sample
        return found

    def noise(self, x: Tensor, t: Tensor, text: str) -> Tensor:
        out, alpha = self.output(x, t, text), self.scheduler.alphas_cumprod[t]
        if self.scheduler.config.prediction_type == "epsilon":
            return out
        return alpha.sqrt() * out + (1 - alpha).sqrt() * x

    @torch.no_grad()
    def way(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        found = []
        for t in self.scheduler.timesteps:
            found.append((t, x))
            plain = self.output(x, t, "")
            guided = plain + GUIDANCE * (self.output(x, t, PROMPT) - plain)
            x = self.scheduler.step(guided, t, x).prev_sample
        return found

    def jacobian(self, x: Tensor, t: Tensor, text: str) -> Tensor:
        found: Tensor = torch.autograd.functional.jacobian(lambda y: self.noise(y, t, text), x)
        return found.reshape(x.numel(), x.numel())


@pytest.fixture
def hand(pipeline: StableDiffusionPipeline) -> ByHand:
    return ByHand(pipeline)


def test_its_way_is_that_of_the_engine(pipeline: StableDiffusionPipeline) -> None:
    expected = sample_latents(
        pipeline,
        embed_prompts(pipeline, [PROMPT]).expand(2, -1, -1),
        NOISE,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        sampler="ddim",
    )
    torch.testing.assert_close(probe(pipeline).sampled(NOISE), expected, atol=1e-4, rtol=1e-4)


def test_magnitude(pipeline: StableDiffusionPipeline, hand: ByHand) -> None:
    expected = []
    for row in NOISE:
        norms = [
            (hand.noise(x, t, PROMPT) - hand.noise(x, t, "")).norm() for t, x in hand.way(row[None])
        ]
        expected.append(torch.stack(norms).mean())
    torch.testing.assert_close(
        magnitude(probe(pipeline), NOISE), torch.stack(expected), rtol=1e-4, atol=1e-4
    )


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
    between = (jacobians[PROMPT] - jacobians[""]).T @ (noises[PROMPT] - noises[""])
    torch.testing.assert_close(
        hessian(probe(pipeline), x)[0], (between / sigma**2).square().sum(), rtol=1e-3, atol=1e-6
    )
    apart = jacobians[PROMPT].T @ noises[PROMPT] - jacobians[""].T @ noises[""]
    torch.testing.assert_close(
        curvature(probe(pipeline), x)[0], apart.square().sum(), rtol=1e-3, atol=1e-6
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
        lead = hand.noise(x, quiet, PROMPT) - plain
        cosine = (plain * lead).sum(1) / (plain.norm(dim=1) * lead.norm(dim=1))
        expected.append(norm + 2 * cosine.mean())
    found = DETECTORS["alignment"].statistic(probe(pipeline), NOISE)
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-3, atol=1e-4)


def test_attention_is_read_and_nothing_changed(pipeline: StableDiffusionPipeline) -> None:
    asked = probe(pipeline)
    before, processors = asked.conditional(NOISE, asked.timesteps[0]), pipeline.unet.attn_processors
    with recorded(pipeline.unet) as maps:
        assert torch.equal(asked.conditional(NOISE, asked.timesteps[0]), before)
    assert pipeline.unet.attn_processors == processors
    assert {len(each) for each in maps} == {2}
    for each in maps:
        torch.testing.assert_close(each.sum(2), torch.ones(each.shape[:2]))


def test_where_every_token_is_looked_at_alike(pipeline: StableDiffusionPipeline) -> None:
    for name, part in pipeline.unet.named_modules():
        if name.endswith("attn2.to_q"):
            torch.nn.init.zeros_(part.weight)
    most = math.log(pipeline.tokenizer.model_max_length)
    for detector in (first_attention_entropy, attention_entropy):
        torch.testing.assert_close(
            detector(probe(pipeline), NOISE), torch.full((2,), most), rtol=1e-4, atol=1e-4
        )
    mask = ending(probe(pipeline), NOISE)
    assert mask.shape == (2, 1, 8, 8)
    torch.testing.assert_close(mask, torch.full_like(mask, math.exp(-most)))
    torch.testing.assert_close(
        bright_ending(probe(pipeline), NOISE), magnitude(probe(pipeline), NOISE)
    )


def attention(hand: ByHand, x: Tensor, t: Tensor, text: str) -> dict[str, Tensor]:
    """By layer, what its pixels look at: [pixels, tokens], from what goes into the layer."""
    found: dict[str, Tensor] = {}

    def looking(name: str) -> Any:
        def hook(layer: Any, args: Any, kwargs: Any) -> None:
            hidden = args[0] if args else kwargs["hidden_states"]
            asked, offered = layer.to_q(hidden)[0], layer.to_k(kwargs["encoder_hidden_states"])[0]
            asked, offered = (each.unflatten(1, (layer.heads, -1)) for each in (asked, offered))
            scores = torch.einsum("phd,thd->hpt", asked, offered) / asked.shape[-1] ** 0.5
            found[name] = scores.softmax(-1).mean(0)

        return hook

    hooks = [
        layer.register_forward_pre_hook(looking(name), with_kwargs=True)
        for name, layer in hand.pipeline.unet.named_modules()
        if name.endswith("attn2")
    ]
    with torch.no_grad():
        hand.output(x, t, text)
    for each in hooks:
        each.remove()
    return found


def sharpened(pipeline: StableDiffusionPipeline) -> int:
    """Make every pixel look at some tokens more than at others; how many tokens the prompt has."""
    for name, part in pipeline.unet.named_modules():
        if name.endswith("attn2.to_q"):
            part.weight.data *= 30
    return len(pipeline.tokenizer(PROMPT).input_ids)


def entropy(shares: Tensor) -> Tensor:
    return -(shares * shares.log()).sum()


def test_attention_entropy(pipeline: StableDiffusionPipeline, hand: ByHand) -> None:
    length = sharpened(pipeline)
    expected, first = [], []
    for row in NOISE:
        tokens = []
        for t, x in hand.way(row[None]):
            layers = attention(hand, x, t, PROMPT)
            tokens.append(torch.stack([each.mean(0) for each in layers.values()]).mean(0))
            if len(tokens) == 1:
                first.append(entropy(list(layers.values())[min(3, len(layers) - 1)].mean(0)))
        growth = entropy(tokens[-1][length - 1 :]) - entropy(tokens[0][length - 1 :])
        expected.append(entropy(tokens[-1]) + growth)  # the last fifth of five steps is one
    assert expected[0] < 0.99 * math.log(pipeline.tokenizer.model_max_length)
    torch.testing.assert_close(
        attention_entropy(probe(pipeline), NOISE), torch.stack(expected), rtol=1e-3, atol=1e-3
    )
    torch.testing.assert_close(
        first_attention_entropy(probe(pipeline), NOISE), torch.stack(first), rtol=1e-3, atol=1e-3
    )


def test_bright_ending(pipeline: StableDiffusionPipeline, hand: ByHand) -> None:
    length = sharpened(pipeline)
    expected = []
    for row in NOISE:
        way = hand.way(row[None])
        t, x = way[-1]
        down = {
            name: each
            for name, each in attention(hand, x, t, PROMPT).items()
            if name.startswith("down_blocks.")
        }
        most = max(len(each) for each in down.values())
        finest = [each[:, length - 1] for each in down.values() if len(each) == most]
        small = torch.stack(finest).mean(0).reshape(1, 1, math.isqrt(most), math.isqrt(most))
        mask = torch.nn.functional.interpolate(small, SHAPE[1:], mode="bilinear")
        norms = [
            ((hand.noise(x, t, PROMPT) - hand.noise(x, t, "")) * mask).norm().detach()
            for t, x in way
        ]
        expected.append(torch.stack(norms).mean() / mask.mean())
    found = bright_ending(probe(pipeline), NOISE)
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-3, atol=1e-4)
    assert not torch.allclose(found, magnitude(probe(pipeline), NOISE), rtol=1e-2)


def test_without_cross_attention_it_says_so() -> None:
    plain = SimpleNamespace(attn_processors={"down.attn1.processor": object()})
    with pytest.raises(CheckpointError, match="no cross-attention"), recorded(plain):
        pass
    up = SimpleNamespace(attn_processors={"up_blocks.0.attn2.processor": object()})
    with pytest.raises(CheckpointError, match="in its down_blocks"), recorded(up, "down_blocks."):
        pass


def test_the_largest_clique_is_counted() -> None:
    generator = torch.Generator().manual_seed(1)
    one, other, alone = (
        torch.randint(0, 256, (3, 16, 16), generator=generator, dtype=torch.uint8) for _ in range(3)
    )
    assert largest(torch.stack([one, other, one, alone, other, one])) == 3
    assert largest(torch.stack([one, other, alone])) == 1
    assert largest(one[None]) == 1


def test_the_most_alike_asks_for_a_picture(pipeline: StableDiffusionPipeline) -> None:
    with pytest.raises(ValueError, match="wants a target"):
        most_alike(probe(pipeline), NOISE)
    target = torch.zeros(3, 32, 32, dtype=torch.uint8)
    shown = probe(
        pipeline, target=target, alike=lambda made, it: -(made.float() - it).mean((1, 2, 3))
    )
    values = most_alike(shown, NOISE)
    pictures = probe(pipeline).pictures(NOISE)
    torch.testing.assert_close(values, -pictures.float().mean((1, 2, 3)))
    assert DETECTORS["most-alike"](shown, NOISE) == pytest.approx(float(values.max()))


@pytest.mark.parametrize(
    ("name", "nfe", "backward"),
    [
        ("magnitude", 2 * STEPS, 0),
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
def test_what_it_costs_and_that_the_batch_makes_no_difference(
    pipeline: StableDiffusionPipeline, name: str, nfe: int, backward: int
) -> None:
    detector, asked = DETECTORS[name], probe(pipeline)
    together = detector.statistic(asked, NOISE)
    assert (asked.nfe, asked.backward) == (2 * nfe, 2 * backward)
    assert together.isfinite().all()
    assert together.dtype == torch.float32
    if detector.over_seeds != "all":
        alone = torch.cat([detector.statistic(probe(pipeline), row[None]) for row in NOISE])
        torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-4)
        assert detector(probe(pipeline), NOISE) == pytest.approx(float(alone.mean()), rel=1e-3)


def test_noise_is_moved_no_farther_than_the_target_wants(
    pipeline: StableDiffusionPipeline,
) -> None:
    target = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8, generator=seeded(1))
    noise = torch_noise([1, 2, 3, 4], SHAPE)
    found = invmm(
        probe(pipeline, target=target, alike=lambda made, _: torch.ones(len(made))), noise
    )
    assert found.shape == (1,)
    assert -10 < float(found) <= 0
    asked = probe(pipeline, target=target, alike=lambda made, _: torch.zeros(len(made)))
    assert float(invmm(asked, noise)) == -math.inf
    looks = STEPS_OF_ADAM // CHECK * 2 * 2 * STEPS * len(noise)
    assert asked.nfe == STEPS_OF_ADAM * len(noise) + looks
    assert asked.backward == STEPS_OF_ADAM * len(noise)
    with pytest.raises(ValueError, match="wants a target"):
        invmm(probe(pipeline), noise)


def test_the_noise_that_is_found_is_the_one_that_is_denoised(
    pipeline: StableDiffusionPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A denoiser that takes every noise for the same one: that one gives the target exactly."""
    taken = torch.randn(SHAPE, generator=seeded(2))
    asked = probe(pipeline, target=torch.zeros(3, 32, 32, dtype=torch.uint8))
    monkeypatch.setattr(Probe, "conditional", lambda self, x, t: taken.expand_as(x) + 0 * x)
    for mean, deviation in islice(fitted(asked, torch_noise([1, 2, 3, 4], SHAPE)), 200):
        found = mean, deviation
    assert float((found[0] - taken).abs().mean()) < 0.1
    assert float(found[1].mean()) < 0.3


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", sorted(set(DETECTORS) - {"invmm", "most-alike"}))
def test_a_checkpoint_in_half_precision_is_asked_too(
    pipeline: StableDiffusionPipeline, name: str
) -> None:
    value = DETECTORS[name](probe(pipeline.to(torch.bfloat16)), NOISE)
    assert math.isfinite(value)


def test_noise_is_found_in_half_precision_too(pipeline: StableDiffusionPipeline) -> None:
    target = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8, generator=seeded(1))
    asked = probe(pipeline.to(torch.bfloat16), target=target)
    mean, deviation = next(fitted(asked, NOISE))
    assert mean.dtype == deviation.dtype == torch.float32
    assert mean.isfinite().all()
