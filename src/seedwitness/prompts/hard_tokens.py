"""Hard tokens: soft embeddings that are projected to rows of a vocabulary, and back to text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@contextmanager
def replace_embeddings(layer: nn.Embedding, values: Tensor) -> Iterator[None]:
    """Inside the block, ``layer`` embeds the tokens after the first of each text as ``values``.

    ``values`` is [texts, tokens, width]. So a text encoder of any class is differentiated by its
    input without a copy of its code.
    """

    def replace(_: nn.Module, __: object, output: Tensor) -> Tensor:
        changed = output.clone()  # [texts, limit, width]
        changed[:, 1 : 1 + values.shape[1]] = values.to(output.dtype)
        return changed

    handle = layer.register_forward_hook(replace)
    try:
        yield
    finally:
        handle.remove()


def project_to_vocabulary(embeddings: Tensor, vocabulary: Tensor, allowed: Tensor) -> Tensor:
    """The nearest row of ``vocabulary`` [v, width] by cosine: token ids [..., ] of ``allowed``.

    ``embeddings`` is [..., width]; ``allowed`` [m] are token ids, of which equals take the first.
    """
    rows = F.normalize(vocabulary[allowed].float(), dim=-1)
    cosines = F.normalize(embeddings.float(), dim=-1) @ rows.T
    return allowed[cosines.argmax(-1)]


def draw_tokens(allowed: Tensor, count: int, seed: int) -> Tensor:
    """``count`` token ids of ``allowed``, drawn with replacement from a generator: [count]."""
    generator = torch.Generator().manual_seed(seed)
    return allowed[torch.randint(len(allowed), (count,), generator=generator).to(allowed.device)]


def make_token_rows(ids: Tensor, begin: int, end: int, padding: int, limit: int) -> Tensor:
    """Token ids as an encoder reads them: begin, ``ids`` [texts, tokens], end, padding to limit."""
    rows = torch.full((len(ids), limit), padding, dtype=torch.long, device=ids.device)
    rows[:, 0] = begin
    rows[:, 1 : 1 + ids.shape[1]] = ids
    rows[:, 1 + ids.shape[1]] = end
    return rows
