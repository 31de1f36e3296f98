"""Embed pictures of any size and texts of any length by the functions of an ``Embedder``."""

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
    """Embed n RGB pictures, in their order: [n, d]. Pictures of equal size form one batch.

    The result is independent of the batches within 1e-5 (the last bits of float32).
    """
    import torch

    by_size: dict[tuple[int, int], list[int]] = {}
    for position, image in enumerate(images):
        by_size.setdefault(image.size, []).append(position)
    vectors: list[Vectors] = [np.empty(0, np.float32)] * len(images)
    for positions in by_size.values():
        arrays = np.stack([np.asarray(images[position]) for position in positions])
        batch = torch.from_numpy(arrays).permute(0, 3, 1, 2)  # [m, 3, height, width]
        for position, vector in zip(positions, embed(batch).numpy(), strict=True):
            vectors[position] = vector
    return np.stack(vectors)


def embed_texts(texts: Sequence[str], embed: Callable[[Sequence[str]], Tensor]) -> Vectors:
    """Embed n texts, in their order: [n, d]. Each distinct text is embedded once."""
    distinct = sorted(set(texts))
    vectors: Vectors = embed(distinct).numpy()
    row_by_text = {text: row for row, text in enumerate(distinct)}
    return vectors[[row_by_text[text] for text in texts]]
