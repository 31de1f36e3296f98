"""Compute PDQ (Facebook, 2019): the Hamming distance of two 256-bit perceptual hashes.

Lower is closer, from 0 to 256 bits; unrelated pictures differ in about 128 bits. PDQ's authors call
31 bits or fewer a match. It survives scaling and compression, but not crops. The quality, from 0 to
100, measures the structure in a picture: near 0 the hash is meaningless (a side under 5 pixels, a
flat picture), so interpret a distance only together with the quality of both pictures.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seedwitness.imaging.perceptual_fingerprint import (
    MAX_PDQ_DISTANCE,
    PDQ_BITS,
    PdqHash,
    compute_array_pdq,
    compute_hamming_distance,
)
from seedwitness.metrics import NO_WEIGHTS, MetricInfo

INFO = MetricInfo(
    name="pdq",
    version="1",
    label=NO_WEIGHTS,
    weights_sha256=None,
    higher_is_closer=False,
    lowest=0.0,
    highest=float(PDQ_BITS),
    copy_threshold=float(MAX_PDQ_DISTANCE),
    source="The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm, "
    "Facebook, 2019",
)


def hash_pictures(pictures: Tensor) -> list[PdqHash]:
    """Hash every picture: uint8 [n, 3, height, width] to n pairs of hash and quality."""
    return [compute_array_pdq(array) for array in pictures.permute(0, 2, 3, 1).cpu().numpy()]


def compute_qualities(pictures: Tensor) -> Tensor:
    """Compute the quality of every picture's hash: uint8 [n, 3, h, w] to [n], in [0, 100]."""
    return torch.tensor([quality for _, quality in hash_pictures(pictures)], dtype=torch.float32)


def score_pairs(pictures: Tensor, references: Tensor) -> Tensor:
    """Score each picture against the reference of its row: two uint8 stacks to distances [n]."""
    pairs = zip(hash_pictures(pictures), hash_pictures(references), strict=True)
    return torch.tensor(
        [compute_hamming_distance(first, second) for (first, _), (second, _) in pairs],
        dtype=torch.float32,
    )
