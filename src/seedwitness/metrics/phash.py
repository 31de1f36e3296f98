"""pHash as imagehash computes it: Hamming distance of two pictures' 64-bit perceptual hashes.

Lower is closer, from 0 to 64; unrelated pictures differ in about 32 bits. A bit says whether
a coefficient of the discrete cosine transform of the 32 × 32 grey picture, among the 8 × 8 lowest
frequencies, is above their median. Nobody agrees on a copy threshold. Flat pictures of any colour
have one and the same hash, or nearly: measure a target's information first.
"""

from __future__ import annotations

import imagehash
import torch
from PIL import Image
from torch import Tensor

from seedwitness.imaging.perceptual_fingerprint import hamming_distance
from seedwitness.metrics import NO_WEIGHTS, MetricInfo

BITS = 64

INFO = MetricInfo(
    name="phash",
    version="1",
    label=NO_WEIGHTS,
    weights_sha256=None,
    higher_is_closer=False,
    lowest=0.0,
    highest=float(BITS),
    copy_threshold=None,
    source="Krawetz, Looks like it, 2011, by imagehash",
)


def hashed(image: Image.Image) -> str:
    """Hash of a picture: 16 hexadecimal digits."""
    return str(imagehash.phash(image.convert("RGB")))


def hashes(pictures: Tensor) -> list[str]:
    """Hash of every picture: uint8 [n, 3, height, width] to n strings."""
    arrays = pictures.permute(0, 2, 3, 1).cpu().numpy()
    return [hashed(Image.fromarray(array)) for array in arrays]


def scores(pictures: Tensor, references: Tensor) -> Tensor:
    """pHash distance of each picture to the reference of the same row: two uint8 stacks to [n]."""
    pairs = zip(hashes(pictures), hashes(references), strict=True)
    return torch.tensor([hamming_distance(a, b) for a, b in pairs], dtype=torch.float32)
