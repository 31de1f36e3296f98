"""Statistics of membership against their formulas, written out with the denoiser alone."""

from __future__ import annotations

from math import pi, sqrt

import pytest
import torch
from by_hand import NOISE, PROMPT, ByHand, probe
from diffusers import StableDiffusionPipeline
from torch import Tensor

from seedwitness.detectors import DETECTORS
from seedwitness.detectors.clid import clid
from seedwitness.detectors.loss import loss
from seedwitness.detectors.pia import pia, pian
from seedwitness.detectors.probe import Probe
from seedwitness.detectors.secmi import secmi
from seedwitness.detectors.sima import sima
from seedwitness.engine.sampling import embed_prompts, encode_pictures

TARGET = torch.randint(
    0, 256, (3, 32, 32), generator=torch.Generator().manual_seed(1), dtype=torch.uint8
)
COSTS = {"loss": 4 * 2, "secmi": 12, "pia": 2, "pian": 2, "sima": 1, "clid": 5 * 2}
"""NFE with two noises; statistics without noise cost the same for any number."""


@pytest.fixture
def clean(pipeline: StableDiffusionPipeline) -> Tensor:
    return encode_pictures(pipeline.vae, TARGET[None])


def target_probe(pipeline: StableDiffusionPipeline) -> Probe:
    return probe(pipeline, target=TARGET)


def predict(hand: ByHand, x: Tensor, t: int, text: str = PROMPT) -> Tensor:
    if text not in hand.embedded:
        hand.embedded[text] = embed_prompts(hand.pipeline, [text])
    with torch.no_grad():
        return hand.noise(x, torch.tensor(t), text)


def noised(hand: ByHand, clean: Tensor, noise: Tensor, t: int) -> Tensor:
    alpha = hand.scheduler.alphas_cumprod[t]
    return alpha.sqrt() * clean + (1 - alpha).sqrt() * noise


def test_loss(pipeline: StableDiffusionPipeline, hand: ByHand, clean: Tensor) -> None:
    expected = [
        -sum(
            (predict(hand, noised(hand, clean, row[None], t), t) - row).square().mean()
            for t in (100, 300, 500, 700)
        )
        / 4
        for row in NOISE
    ]
    found = loss(target_probe(pipeline), NOISE)
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-4, atol=1e-5)


def test_pia_and_pian(pipeline: StableDiffusionPipeline, hand: ByHand, clean: Tensor) -> None:
    first = predict(hand, clean, 0)
    for statistic, noise in (
        (pia, first),
        (pian, first * sqrt(2 / pi) / first.abs().mean()),
    ):
        difference = noise - predict(hand, noised(hand, clean, noise, 200), 200)
        expected = -difference.norm(p=4) / difference.numel() ** 0.25
        torch.testing.assert_close(
            statistic(target_probe(pipeline), NOISE)[0], expected, rtol=1e-4, atol=1e-5
        )


def test_sima(pipeline: StableDiffusionPipeline, hand: ByHand, clean: Tensor) -> None:
    expected = -predict(hand, clean, 100).square().mean()
    torch.testing.assert_close(
        sima(target_probe(pipeline), NOISE)[0], expected, rtol=1e-4, atol=1e-5
    )


def test_secmi(pipeline: StableDiffusionPipeline, hand: ByHand, clean: Tensor) -> None:
    alphas = hand.scheduler.alphas_cumprod

    def step(x: Tensor, start: int, end: int) -> Tensor:
        noise = predict(hand, x, start)
        image = (x - (1 - alphas[start]).sqrt() * noise) / alphas[start].sqrt()
        return alphas[end].sqrt() * image + (1 - alphas[end]).sqrt() * noise

    x = clean
    for t in range(0, 100, 10):
        x = step(x, t, t + 10)
    expected = -(x - step(step(x, 100, 110), 110, 100)).square().mean()
    found = secmi(target_probe(pipeline), NOISE)
    torch.testing.assert_close(found[0], expected, rtol=1e-3, atol=1e-7)


def test_clid(pipeline: StableDiffusionPipeline, hand: ByHand, clean: Tensor) -> None:
    expected = []
    for row, t in zip(NOISE, (250, 750), strict=True):
        x = noised(hand, clean, row[None], t)
        losses = {
            text: (predict(hand, x, t, text) - row).square().mean()
            for text in (PROMPT, "a red", "a", "")
        }  # three words: 0.75 of them are two, a half two, a quarter one
        reduced = (2 * losses["a red"] + losses["a"] + losses[""]) / 4
        expected.append(reduced - losses[PROMPT])
    found = clid(target_probe(pipeline), NOISE)
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("name", "nfe"), COSTS.items())
def test_the_cost_is_exact_and_a_target_is_needed(
    pipeline: StableDiffusionPipeline, name: str, nfe: int
) -> None:
    counting = target_probe(pipeline)
    assert DETECTORS[name](counting, NOISE) < 10
    assert (counting.nfe, counting.backward) == (nfe, 0)
    assert DETECTORS[name].needs == "picture"
    assert not DETECTORS[name].compares
    with pytest.raises(ValueError, match="needs a probe with a target"):
        DETECTORS[name](probe(pipeline), NOISE)
