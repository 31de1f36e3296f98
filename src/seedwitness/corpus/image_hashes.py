"""The perceptual hashes by which the table of a corpus knows an image."""

from __future__ import annotations

from PIL import Image

from seedwitness.corpus import ImageHashes
from seedwitness.imaging import perceptual_fingerprint
from seedwitness.metrics import phash


def hash_corpus_image(image: Image.Image) -> ImageHashes:
    """Compute the perceptual hashes of a picture that a corpus's table holds."""
    return ImageHashes(phash.hash_image(image), perceptual_fingerprint.fingerprint_image(image))
