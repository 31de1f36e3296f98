"""Detectors that read where the denoiser's pixels look."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from by_hand import NOISE, PROMPT, SHAPE, ByHand, probe
from diffusers import StableDiffusionPipeline
from torch import Tensor

from seedwitness.detectors.cross_attention import recorded
from seedwitness.detectors.attention_entropy import attention_entropy, first_attention_entropy
from seedwitness.detectors.bright_ending import bright_ending, ending
from seedwitness.detectors.magnitude import magnitude
from seedwitness.errors import CheckpointError


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
