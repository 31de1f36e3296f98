"""Pictures of any sizes and texts of any lengths, embedded by the callables of an ``Embedder``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from torch import Tensor

Vectors = NDArray[np.float32]


def embed_pictures(images: Sequence[Image.Image], embed: Callable[[Tensor], Tensor]) -> Vectors:
    """Embeddings [n, d] of n RGB pictures, in their order; ``embed`` gets those of one size as one.

    Independent of which pictures are embedded together, within 1e-5 (the last bits of float32).
    """
    import torch

    by_size: dict[tuple[int, int], list[int]] = {}
    for position, image in enumerate(images):
        by_size.setdefault(image.size, []).append(position)
    found: list[Vectors] = [np.empty(0, np.float32)] * len(images)
    for positions in by_size.values():
        arrays = np.stack([np.asarray(images[position]) for position in positions])
        stack = torch.from_numpy(arrays).permute(0, 3, 1, 2)  # [m, 3, height, width]
        for position, vector in zip(positions, embed(stack).numpy(), strict=True):
            found[position] = vector
    return np.stack(found)


def embed_texts(texts: Sequence[str], embed: Callable[[Sequence[str]], Tensor]) -> Vectors:
    """Embeddings [n, d] of n texts, in their order; each distinct text is embedded once."""
    distinct = sorted(set(texts))
    vectors: Vectors = embed(distinct).numpy()
    rows = {text: row for row, text in enumerate(distinct)}
    return vectors[[rows[text] for text in texts]]
