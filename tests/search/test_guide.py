import numpy as np
import pytest
import torch
from PIL import Image

from seedwitness.checkpoints.loading import Loaded
from seedwitness.checkpoints.sampling import encode_pictures
from seedwitness.search.guide import fitted, fitting, latent_rms, rms


def picture(width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(1)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def test_the_distance_is_zero_from_itself_and_the_size_of_a_shift() -> None:
    target = torch.randn((4, 8, 8), generator=torch.Generator().manual_seed(1))
    found = rms(torch.stack([target, target + 0.5, target - 2]), target)
    assert found.tolist() == pytest.approx([0, 0.5, 2], abs=1e-6)


def test_the_distance_does_not_depend_on_the_batch() -> None:
    latents = torch.randn((33, 4, 8, 8), generator=torch.Generator().manual_seed(1))
    together = rms(latents, latents[0] * 0.3)
    alone = torch.cat([rms(row[None], latents[0] * 0.3) for row in latents])
    assert torch.equal(together, alone)


def test_latents_are_compared_with_the_encoded_target(tiny: Loaded) -> None:
    image = picture(32, 32)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
    target = encode_pictures(tiny.pipeline, pixels)
    distances = latent_rms(tiny.pipeline, image, 32, 32)
    assert distances(torch.cat([target, target + 1])).tolist() == pytest.approx([0, 1], abs=1e-6)


def test_a_target_of_another_size_is_stretched_by_lanczos_and_said_to_be(tiny: Loaded) -> None:
    image = picture(50, 20)
    stretched = image.resize((40, 24), Image.Resampling.LANCZOS)
    assert np.array_equal(np.array(fitted(image, 40, 24)), np.array(stretched))
    assert fitting(image, 40, 24) == "target stretched from 50 × 20 to 40 × 24 by Lanczos"
    assert fitting(image, 50, 20) == "target compared at its own size, 50 × 20"
    of_size = latent_rms(tiny.pipeline, stretched, 40, 24)
    zeros = torch.zeros((1, 4, 6, 10))
    assert torch.equal(latent_rms(tiny.pipeline, image, 40, 24)(zeros), of_size(zeros))
