"""Philox against its authors' test vectors and Python integers, and on a GPU if there is one."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from seedwitness.errors import ConfigError
from seedwitness.records.recipe import Recipe
from seedwitness.seeds import draw_noise
from seedwitness.seeds.philox import philox4x32
from seedwitness.seeds.torch_cpu import SEED_COUNT

RECIPE = Recipe(
    prompt="", seed=7, width=32, height=32, sampler="ddim", steps=1, guidance=1.0, rng="philox-nv"
)

# Rounds, counter, key and result, from the known answers of Random123.
VECTORS = [
    (7, "ffffffff" * 4, "ffffffff" * 2, "5207ddc2 45165e59 4d8ee751 8c52f662"),
    (
        7,
        "243f6a8885a308d313198a2e03707344",
        "a4093822299f31d0",
        "4dfccaba 190a87f0 c47362ba b6b5242a",
    ),
    (10, "00000000" * 4, "00000000" * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    (10, "ffffffff" * 4, "ffffffff" * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        10,
        "243f6a8885a308d313198a2e03707344",
        "a4093822299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


def words(text: str) -> np.ndarray:
    text = text.replace(" ", "")
    return np.array([[int(text[k : k + 8], 16)] for k in range(0, len(text), 8)], np.uint32)


@pytest.mark.parametrize(("rounds", "counter", "key", "result"), VECTORS)
def test_the_authors_vectors(rounds: int, counter: str, key: str, result: str) -> None:
    assert np.array_equal(philox4x32(words(counter), words(key), rounds), words(result))


def philox_reference(counter: list[int], key: list[int]) -> list[int]:
    """Compute ten rounds in Python's integers."""
    mask = 2**32 - 1
    c, k = list(counter), list(key)
    for _ in range(10):
        one, two = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(two >> 32) ^ c[1] ^ k[0], two & mask, (one >> 32) ^ c[3] ^ k[1], one & mask]
        k = [(k[0] + 0x9E3779B9) & mask, (k[1] + 0xBB67AE85) & mask]
    return c


def test_the_tools_own_example() -> None:
    """The example that AUTOMATIC1111 documents for its generator: seed 0, three rows of four.

    It agrees to some units in the last place of single precision, in which the documented values
    differ from AUTOMATIC1111's own code.
    """
    stated = [
        [-0.92466259, -0.42534415, -2.6438457, 0.14518388],
        [-0.12086647, -0.57972564, -0.62285122, -0.32838709],
        [-1.07454231, -0.36314407, -1.67105067, 2.26550497],
    ]
    drawn = draw_noise([replace(RECIPE, seed=0)], (1, 3, 4))[0]
    assert torch.allclose(drawn, torch.tensor(stated), atol=5e-7, rtol=0)


@pytest.mark.parametrize("seed", [0, 7, SEED_COUNT - 1])
@pytest.mark.parametrize("draw", [0, 3])
@pytest.mark.parametrize("shape", [(4, 8, 8), (1, 3, 5), (1, 1, 1)])
def test_each_element_is_box_and_mullers_sine(seed: int, draw: int, shape: tuple[int, ...]) -> None:
    recipe = replace(RECIPE, seed=seed, batch_index=draw)
    drawn = draw_noise([recipe], shape)[0].flatten()
    for element in range(len(drawn)):
        x, y, _, _ = philox_reference([draw, 0, element, 0], [seed, 0])
        u, v = (x + 0.5) / 2**32, (y + 0.5) / 2**32 * 2 * math.pi
        assert drawn[element] == pytest.approx(math.sqrt(-2 * math.log(u)) * math.sin(v), abs=3e-6)


def test_the_noise_is_standard_normal() -> None:
    drawn = draw_noise([RECIPE], (4, 64, 64)).flatten().numpy()
    assert stats.kstest(drawn, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 0.03


def test_half_precision_is_rounded() -> None:
    half = draw_noise([replace(RECIPE, dtype="float16")], (4, 8, 8))
    assert torch.equal(half, draw_noise([RECIPE], (4, 8, 8)).half())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_torch_cuda_is_refused_without_a_gpu() -> None:
    with pytest.raises(ConfigError, match="`philox-nv` draws the same noise"):
        draw_noise([replace(RECIPE, rng="torch-cuda")], (4, 8, 8))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")
@pytest.mark.parametrize("shape", [(4, 8, 8), (4, 64, 64), (4, 128, 128), (1, 3, 5)])
@pytest.mark.parametrize("seed", [0, 7, SEED_COUNT - 1])
def test_a_gpu_draws_the_same(shape: tuple[int, ...], seed: int) -> None:
    emulated = draw_noise([replace(RECIPE, seed=seed)], shape)
    drawn = draw_noise([replace(RECIPE, seed=seed, rng="torch-cuda")], shape)
    assert torch.allclose(emulated, drawn, atol=1e-5)
