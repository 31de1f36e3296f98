"""Compute pHash by imagehash: the Hamming distance of two 64-bit perceptual hashes.

Lower is closer, from 0 to 64 bits; unrelated pictures differ in about 32 bits. Each bit says
whether one of the 8 × 8 lowest coefficients of the discrete cosine transform of the 32 × 32 grey
picture is above their median. The literature agrees on no copy threshold. Flat pictures of any
colour have the same or nearly the same hash: measure a target's information first.
"""

from __future__ import annotations

import imagehash
import torch
from PIL import Image
from torch import Tensor

from seedwitness.imaging.perceptual_fingerprint import compute_hamming_distance
from seedwitness.metrics import NO_WEIGHTS, MetricInfo

PHASH_BITS = 64

INFO = MetricInfo(
    name="phash",
    version="1",
    label=NO_WEIGHTS,
    weights_sha256=None,
    higher_is_closer=False,
    lowest=0.0,
    highest=float(PHASH_BITS),
    copy_threshold=None,
    source="Krawetz, Looks like it, 2011, by imagehash",
)


def hash_image(image: Image.Image) -> str:
    """Hash a picture: 16 hexadecimal digits."""
    return str(imagehash.phash(image.convert("RGB")))


def hash_pictures(pictures: Tensor) -> list[str]:
    """Hash every picture: uint8 [n, 3, height, width] to n strings."""
    arrays = pictures.permute(0, 2, 3, 1).cpu().numpy()
    return [hash_image(Image.fromarray(array)) for array in arrays]


def score_pairs(pictures: Tensor, references: Tensor) -> Tensor:
    """Score each picture against the reference of its row: two uint8 stacks to distances [n]."""
    pairs = zip(hash_pictures(pictures), hash_pictures(references), strict=True)
    return torch.tensor(
        [compute_hamming_distance(first, second) for first, second in pairs], dtype=torch.float32
    )
