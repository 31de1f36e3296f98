"""Perceptual hashes: the packages' own bits, known answers, and what changes them."""

from io import BytesIO
from itertools import pairwise
from types import ModuleType

import imagehash
import numpy as np
import pdqhash
import pytest
import torch
from PIL import Image
from torch import Tensor

from seedlab.drawing.picture import draw_picture
from seedlab.drawing.plan import plan_sketches
from seedwitness.imaging import perceptual_fingerprint
from seedwitness.metrics import pdq, phash

PLAN = plan_sketches(1, themes=6, once=6, held_out=0, planted={}, twins_each=0)


@pytest.fixture(scope="module")
def drawn() -> list[Image.Image]:
    return [draw_picture(sketch.theme, sketch.seed, 96) for sketch in PLAN]


def stack(images: list[Image.Image]) -> Tensor:
    """uint8 [n, 3, height, width]"""
    return torch.from_numpy(np.stack([np.array(image) for image in images])).permute(0, 3, 1, 2)


def compressed(image: Image.Image) -> Image.Image:
    file = BytesIO()
    image.resize((72, 72), Image.Resampling.BICUBIC).save(file, "JPEG", quality=75)
    return Image.open(file).resize(image.size, Image.Resampling.BICUBIC)


def test_pdq_distances_are_those_of_the_packages_bits(drawn: list[Image.Image]) -> None:
    bits = [pdqhash.compute(np.array(image))[0] for image in drawn]
    expected = [int((a != b).sum()) for a, b in pairwise(bits)]
    pictures = stack(drawn)
    assert pdq.score_pairs(pictures[:-1], pictures[1:]).tolist() == expected
    assert pdq.compute_qualities(pictures).tolist() == [
        pdqhash.compute(np.array(i))[1] for i in drawn
    ]
    assert [
        perceptual_fingerprint.compute_image_pdq(image) for image in drawn
    ] == pdq.hash_pictures(pictures)


def test_phash_distances_are_imagehashs(drawn: list[Image.Image]) -> None:
    hashes = [imagehash.phash(image) for image in drawn]
    expected = [a - b for a, b in pairwise(hashes)]
    pictures = stack(drawn)
    assert phash.score_pairs(pictures[:-1], pictures[1:]).tolist() == expected
    assert [phash.hash_image(image) for image in drawn] == phash.hash_pictures(pictures)


def test_a_distance_is_the_number_of_bits_that_differ() -> None:
    assert perceptual_fingerprint.compute_hamming_distance("00ff", "00ff") == 0
    assert perceptual_fingerprint.compute_hamming_distance("00ff", "ff00") == 16
    assert perceptual_fingerprint.compute_hamming_distance("8000", "0001") == 2
    assert (
        perceptual_fingerprint.compute_hamming_distance("f" * 64, "0" * 64)
        == pdq.PDQ_BITS
        == pdq.INFO.highest
    )
    assert (
        perceptual_fingerprint.compute_hamming_distance("f" * 16, "0" * 16)
        == phash.PHASH_BITS
        == phash.INFO.highest
    )
    with pytest.raises(ValueError, match="16 and 64 digits"):
        perceptual_fingerprint.compute_hamming_distance("0" * 16, "0" * 64)


def test_a_smaller_jpeg_is_a_copy_and_another_picture_is_not(drawn: list[Image.Image]) -> None:
    pictures, copies = stack(drawn), stack([compressed(image) for image in drawn])
    threshold = pdq.INFO.copy_threshold
    assert threshold == 31
    assert pdq.score_pairs(pictures, copies).max() <= threshold
    assert pdq.score_pairs(pictures, copies.roll(1, 0)).min() > threshold
    assert (
        phash.score_pairs(pictures, copies).max()
        < phash.score_pairs(pictures, copies.roll(1, 0)).min()
    )


def test_a_picture_matches_its_compressed_copy_and_no_other(
    drawn: list[Image.Image],
) -> None:
    originals = [perceptual_fingerprint.fingerprint_image(image) for image in drawn]
    copies = [perceptual_fingerprint.fingerprint_image(compressed(image)) for image in drawn]
    copy_index = perceptual_fingerprint.FingerprintIndex(copies)
    assert [copy_index.find_matches(fingerprint) for fingerprint in originals] == [
        [row] for row in range(len(drawn))
    ]
    assert perceptual_fingerprint.FingerprintIndex([]).find_matches(originals[0]) == []
    flat = perceptual_fingerprint.fingerprint_image(Image.new("RGB", (64, 64)))
    assert perceptual_fingerprint.FingerprintIndex([flat]).find_matches(flat) == []


def test_a_recoloured_picture_is_no_match_although_pdq_ignores_colour(
    drawn: list[Image.Image],
) -> None:
    for image in drawn:
        shifted = image.convert("HSV")
        hue, *rest = shifted.split()
        shifted = Image.merge("HSV", (hue.point(lambda v: (v + 128) % 256), *rest))
        recoloured = Image.merge(
            "YCbCr",
            (
                image.convert("YCbCr").split()[0],
                *shifted.convert("RGB").convert("YCbCr").split()[1:],
            ),
        )
        original, changed = (
            perceptual_fingerprint.fingerprint_image(image),
            perceptual_fingerprint.fingerprint_image(recoloured.convert("RGB")),
        )
        assert (
            perceptual_fingerprint.compute_hamming_distance(original.pdq, changed.pdq)
            <= perceptual_fingerprint.MAX_PDQ_DISTANCE
        )
        assert perceptual_fingerprint.FingerprintIndex([original, changed]).find_matches(
            original
        ) == [0]


def test_flat_pictures_have_quality_0() -> None:
    flat = torch.full((2, 3, 64, 64), 128, dtype=torch.uint8)
    assert pdq.compute_qualities(flat).tolist() == [0, 0]
    busy = torch.randint(
        256, (2, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
    )
    assert pdq.compute_qualities(busy).tolist() == [100, 100]
    # Their pHashes are equal, although no picture was copied.
    assert phash.score_pairs(flat, torch.full_like(flat, 77)).tolist() == [0, 0]


@pytest.mark.parametrize("metric", [pdq, phash])
def test_a_score_depends_on_its_own_pair_alone(
    metric: ModuleType, drawn: list[Image.Image]
) -> None:
    pictures = stack(drawn)
    together = metric.score_pairs(pictures, pictures.flip(0))
    assert together.dtype == torch.float32
    assert together.shape == (len(drawn),)
    alone = [
        metric.score_pairs(pictures[i, None], pictures.flip(0)[i, None]) for i in range(len(drawn))
    ]
    assert torch.equal(torch.cat(alone), together)
    one = pictures[:1].expand(3, -1, -1, -1)  # one target for many trials
    assert metric.score_pairs(one, pictures[:3])[0] == 0
    assert metric.score_pairs(pictures[:0], pictures[:0]).shape == (0,)


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (40, 3)])
def test_any_size_has_a_hash(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, (10, 200, 30))
    assert perceptual_fingerprint.compute_image_pdq(image) == ("0" * 64, 0)
    assert len(phash.hash_image(image)) == 16
