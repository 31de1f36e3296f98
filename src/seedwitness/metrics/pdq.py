"""PDQ (Facebook, 2019): Hamming distance of two pictures' 256-bit perceptual hashes.

Lower is closer, from 0 to 256; unrelated pictures differ in about 128 bits. PDQ's authors match at
31 or less. It survives scaling and compression, not crops. The quality, from 0 to 100, says how
much there was to hash: near 0 the hash means nothing (a side under 5 pixels, a flat picture), so
read no distance without the quality of both pictures.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seedwitness.imaging.perceptual_fingerprint import (
    BITS,
    MATCH,
    PdqHash,
    hamming_distance,
    pdq_of_array,
)
from seedwitness.metrics import NO_WEIGHTS, MetricInfo

INFO = MetricInfo(
    name="pdq",
    version="1",
    label=NO_WEIGHTS,
    weights_sha256=None,
    higher_is_closer=False,
    lowest=0.0,
    highest=float(BITS),
    copy_threshold=float(MATCH),
    source="The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm, "
    "Facebook, 2019",
)


def hashes(pictures: Tensor) -> list[PdqHash]:
    """Hash and quality of every picture: uint8 [n, 3, height, width] to n pairs."""
    return [pdq_of_array(array) for array in pictures.permute(0, 2, 3, 1).cpu().numpy()]


def qualities(pictures: Tensor) -> Tensor:
    """Quality of every picture's hash: uint8 [n, 3, height, width] to [n], in [0, 100]."""
    return torch.tensor([quality for _, quality in hashes(pictures)], dtype=torch.float32)


def scores(pictures: Tensor, references: Tensor) -> Tensor:
    """PDQ distance of each picture to the reference of the same row: two uint8 stacks to [n]."""
    pairs = zip(hashes(pictures), hashes(references), strict=True)
    return torch.tensor([hamming_distance(a, b) for (a, _), (b, _) in pairs], dtype=torch.float32)
