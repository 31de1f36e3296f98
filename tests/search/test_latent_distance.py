import numpy as np
import pytest
import torch
from PIL import Image

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.engine.sampling import encode_pictures
from seedwitness.imaging.alignment import RESIZE_RULES, resize_by_rule
from seedwitness.search.latent_distance import compute_rms_distances, make_latent_rms_distance


def picture(width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(1)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def test_the_distance_is_zero_from_itself_and_the_size_of_a_shift() -> None:
    target = torch.randn((4, 8, 8), generator=torch.Generator().manual_seed(1))
    result = compute_rms_distances(torch.stack([target, target + 0.5, target - 2]), target)
    assert result.tolist() == pytest.approx([0, 0.5, 2], abs=1e-6)


def test_the_distance_does_not_depend_on_the_batch() -> None:
    latents = torch.randn((33, 4, 8, 8), generator=torch.Generator().manual_seed(1))
    together = compute_rms_distances(latents, latents[0] * 0.3)
    alone = torch.cat([compute_rms_distances(row[None], latents[0] * 0.3) for row in latents])
    assert torch.equal(together, alone)


def test_latents_are_compared_with_the_encoded_target(tiny: LoadedCheckpoint) -> None:
    image = picture(32, 32)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
    target = encode_pictures(tiny.pipeline.vae, pixels)
    distances = make_latent_rms_distance(tiny.pipeline, image, 32, 32, "stretch")
    assert distances(torch.cat([target, target + 1])).tolist() == pytest.approx([0, 1], abs=1e-6)


def test_a_target_of_another_size_is_compared_as_the_rule_fits_it(tiny: LoadedCheckpoint) -> None:
    image = picture(50, 20)
    zeros = torch.zeros((1, 4, 6, 10))
    for rule in RESIZE_RULES:
        whole = resize_by_rule(image, 40, 24, rule)
        of_size = make_latent_rms_distance(tiny.pipeline, whole, 40, 24, "stretch")
        assert torch.equal(
            make_latent_rms_distance(tiny.pipeline, image, 40, 24, rule)(zeros), of_size(zeros)
        )
