"""An image–caption set that can be looked up: embedded by CLIP, in exact faiss indexes.

``building`` makes an index of a folder, ``index`` keeps it on the disk, ``recall`` measures what it
finds again, ``lookup`` asks it. A hit shows that a picture or a caption is in the indexed set, not
that any checkpoint was trained on it.
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

ROWS = {
    "id": TEXT,  # names the row by its content: file, caption and pixels
    "file": TEXT,  # inside the corpus's folder
    "caption": TEXT,
    "pixels_sha256": TEXT,
    "phash": TEXT,
    "pdq": TEXT,
    "pdq_quality": INTEGER,
    "thumbnail": TEXT,  # as ``resaved.Imprint`` has it
}


class Model(Protocol):
    """What has to be known of a model: its name, its weights' hash, and whose weights they are."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def weights_sha256(self) -> str | None: ...  # noqa: D102
    @property
    def label(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class Embedder:
    """A model of pictures and texts, as whoever loaded it hands it over.

    ``images`` takes uint8 [n, 3, height, width], ``texts`` n strings; both return [n, d], rows of
    unit length.
    """

    images: Callable[[Tensor], Tensor]
    texts: Callable[[Sequence[str]], Tensor]
    model: Model

    @property
    def sha256(self) -> str:
        """Hash of the model's weights."""
        return self.model.weights_sha256 or ""


@dataclass(frozen=True)
class ImageHashes:
    """A picture's perceptual hash, in hexadecimal, and its fingerprint."""

    phash: str
    fingerprint: Fingerprint


Fingerprinter = Callable[["Image.Image"], ImageHashes]
