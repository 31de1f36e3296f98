"""Detectors that read the denoiser's cross-attention."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from by_hand import NOISE, PROMPT, SHAPE, ByHand, probe
from diffusers import StableDiffusionPipeline
from torch import Tensor

from seedwitness.detectors.attention_entropy import attention_entropy, first_attention_entropy
from seedwitness.detectors.bright_ending import bright_ending, compute_mask
from seedwitness.detectors.cross_attention import record_attention
from seedwitness.detectors.magnitude import magnitude
from seedwitness.errors import CheckpointError


def test_attention_is_recorded_without_changing_the_output(
    pipeline: StableDiffusionPipeline,
) -> None:
    attention_probe = probe(pipeline)
    output, processors = (
        attention_probe.predict_conditional(NOISE, attention_probe.timesteps[0]),
        pipeline.unet.attn_processors,
    )
    with record_attention(pipeline.unet) as maps:
        assert torch.equal(
            attention_probe.predict_conditional(NOISE, attention_probe.timesteps[0]), output
        )
    assert pipeline.unet.attn_processors == processors
    assert {len(each) for each in maps} == {2}
    for each in maps:
        torch.testing.assert_close(each.sum(2), torch.ones(each.shape[:2]))


def test_uniform_attention_has_maximal_entropy(pipeline: StableDiffusionPipeline) -> None:
    for name, part in pipeline.unet.named_modules():
        if name.endswith("attn2.to_q"):
            torch.nn.init.zeros_(part.weight)
    most = math.log(pipeline.tokenizer.model_max_length)
    for detector in (first_attention_entropy, attention_entropy):
        torch.testing.assert_close(
            detector(probe(pipeline), NOISE), torch.full((2,), most), rtol=1e-4, atol=1e-4
        )
    mask = compute_mask(probe(pipeline), NOISE)
    assert mask.shape == (2, 1, 8, 8)
    torch.testing.assert_close(mask, torch.full_like(mask, math.exp(-most)))
    torch.testing.assert_close(
        bright_ending(probe(pipeline), NOISE), magnitude(probe(pipeline), NOISE)
    )


def attention(hand: ByHand, x: Tensor, t: Tensor, text: str) -> dict[str, Tensor]:
    """Compute each layer's attention [pixels, tokens] from the layer's inputs."""
    attention_by_layer: dict[str, Tensor] = {}

    def make_hook(name: str) -> Any:
        def hook(layer: Any, args: Any, kwargs: Any) -> None:
            hidden = args[0] if args else kwargs["hidden_states"]
            queries, keys = layer.to_q(hidden)[0], layer.to_k(kwargs["encoder_hidden_states"])[0]
            queries, keys = (each.unflatten(1, (layer.heads, -1)) for each in (queries, keys))
            scores = torch.einsum("phd,thd->hpt", queries, keys) / queries.shape[-1] ** 0.5
            attention_by_layer[name] = scores.softmax(-1).mean(0)

        return hook

    hooks = [
        layer.register_forward_pre_hook(make_hook(name), with_kwargs=True)
        for name, layer in hand.pipeline.unet.named_modules()
        if name.endswith("attn2")
    ]
    with torch.no_grad():
        hand.output(x, t, text)
    for each in hooks:
        each.remove()
    return attention_by_layer


def sharpen_attention(pipeline: StableDiffusionPipeline) -> int:
    """Make the attention uneven over tokens; return the number of the prompt's tokens."""
    for name, part in pipeline.unet.named_modules():
        if name.endswith("attn2.to_q"):
            part.weight.data *= 30
    return len(pipeline.tokenizer(PROMPT).input_ids)


def entropy(shares: Tensor) -> Tensor:
    return -(shares * shares.log()).sum()


def test_attention_entropy(pipeline: StableDiffusionPipeline, hand: ByHand) -> None:
    length = sharpen_attention(pipeline)
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
    length = sharpen_attention(pipeline)
    expected = []
    for row in NOISE:
        trajectory = hand.way(row[None])
        t, x = trajectory[-1]
        down_maps = {
            name: each
            for name, each in attention(hand, x, t, PROMPT).items()
            if name.startswith("down_blocks.")
        }
        max_pixels = max(len(each) for each in down_maps.values())
        end_token_maps = [
            each[:, length - 1] for each in down_maps.values() if len(each) == max_pixels
        ]
        small = (
            torch.stack(end_token_maps)
            .mean(0)
            .reshape(1, 1, math.isqrt(max_pixels), math.isqrt(max_pixels))
        )
        mask = torch.nn.functional.interpolate(small, SHAPE[1:], mode="bilinear")
        norms = [
            ((hand.noise(x, t, PROMPT) - hand.noise(x, t, "")) * mask).norm().detach()
            for t, x in trajectory
        ]
        expected.append(torch.stack(norms).mean() / mask.mean())
    values = bright_ending(probe(pipeline), NOISE)
    torch.testing.assert_close(values, torch.stack(expected), rtol=1e-3, atol=1e-4)
    assert not torch.allclose(values, magnitude(probe(pipeline), NOISE), rtol=1e-2)


def test_a_denoiser_without_cross_attention_is_reported() -> None:
    plain = SimpleNamespace(attn_processors={"down.attn1.processor": object()})
    with pytest.raises(CheckpointError, match="no cross-attention"), record_attention(plain):
        pass
    up = SimpleNamespace(attn_processors={"up_blocks.0.attn2.processor": object()})
    with (
        pytest.raises(CheckpointError, match="in its down_blocks"),
        record_attention(up, "down_blocks."),
    ):
        pass
