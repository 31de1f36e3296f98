"""Search an image–caption set: CLIP embeddings in faiss indexes, perceptual hashes, captions.

``sources`` read a corpus, ``index_builder`` indexes it in ``shards``, ``index`` stores the index on
disk, ``recall`` measures recall on known items, ``lookup`` queries it, ``hash_table`` finds copies.
``table_search`` searches tables without an index, ``remote`` a server of others. A hit shows that a
picture or a caption is in the indexed set, not that any checkpoint was trained on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from seedwitness.imaging.perceptual_fingerprint import Fingerprint
from seedwitness.records.tables import INTEGER, TEXT

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

CORPUS_ROWS = {
    "id": TEXT,  # digest of file, caption and pixels
    "file": TEXT,  # path within the corpus's folder
    "caption": TEXT,
    "url": TEXT,
    "pixels_sha256": TEXT,  # this and what follows is empty, and the quality 0, without a picture
    "phash": TEXT,
    "pdq": TEXT,
    "pdq_quality": INTEGER,
    "thumbnail": TEXT,  # as in ``perceptual_fingerprint.Fingerprint``
}


class EmbeddingModel(Protocol):
    """What an index records of its model: name, hash of the weights, and their origin."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def weights_sha256(self) -> str | None: ...  # noqa: D102
    @property
    def label(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class Embedder:
    """A loaded model that embeds pictures and texts.

    ``embed_images`` takes uint8 [n, 3, height, width], ``embed_texts`` n strings; both return
    [n, d] with rows of unit length.
    """

    embed_images: Callable[[Tensor], Tensor]
    embed_texts: Callable[[Sequence[str]], Tensor]
    model: EmbeddingModel

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of the model's weights; empty if unknown."""
        return self.model.weights_sha256 or ""


@dataclass(frozen=True)
class ImageHashes:
    """A picture's pHash and perceptual fingerprint, and pHash and PDQ of its mirror image.

    Hashes are in hexadecimal.
    """

    phash: str
    fingerprint: Fingerprint
    phash_mirrored: str
    pdq_mirrored: str


@dataclass(frozen=True)
class Describer:
    """A loaded copy-detection descriptor: uint8 [n, 3, height, width] to [n, d] of unit length."""

    embed: Callable[[Tensor], Tensor]
    name: str
    weights_sha256: str
    label: str
    """Whose weights they are."""


ImageHasher = Callable[["Image.Image"], ImageHashes]
