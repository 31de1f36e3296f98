"""The perceptual hashes and the copy descriptor by which the table of a corpus knows an image."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from PIL import Image, ImageOps

from seedwitness.corpus import Describer, ImageHashes
from seedwitness.corpus.embeddings import embed_pictures
from seedwitness.corpus.hash_table import HashedQuery
from seedwitness.imaging import perceptual_fingerprint
from seedwitness.metrics import phash
from seedwitness.runtime.devices import default_device


def hash_corpus_image(image: Image.Image) -> ImageHashes:
    """Compute the perceptual hashes of a picture that a corpus's table holds."""
    mirrored = ImageOps.mirror(image)
    return ImageHashes(
        phash.hash_image(image),
        perceptual_fingerprint.fingerprint_image(image),
        phash.hash_image(mirrored),
        perceptual_fingerprint.compute_image_pdq(mirrored).hex_digits,
    )


def hash_query(image: Image.Image, describer: Describer | None) -> HashedQuery:
    """Compute what a picture is looked up by, besides CLIP: hashes, and descriptors if any."""
    hashes = hash_corpus_image(image)
    if describer is None:
        return HashedQuery(hashes)
    pictures = [image, ImageOps.mirror(image)]
    return HashedQuery(hashes, *embed_pictures(pictures, describer.embed))


@cache
def load_describer(weights: Path | None) -> Describer | None:
    """Load the copy descriptor of a corpus once; None if the corpus names none."""
    if weights is None:
        return None
    from seedwitness.metrics.descriptor import load_descriptor

    loaded = load_descriptor(weights, default_device())
    info = loaded.info
    return Describer(loaded.embed, info.name, info.weights_sha256 or "", info.label)
