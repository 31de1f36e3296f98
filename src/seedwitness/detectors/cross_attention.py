"""Cross-attention maps of a denoiser: which tokens its pixels look at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from seedwitness.errors import CheckpointError

CROSS = "attn2.processor"


def attends(unet: Any, where: str = "") -> bool:
    """Whether a denoiser has cross-attention at all, or in blocks whose names begin so."""
    return any(_crosses(name, where) for name in unet.attn_processors)


def _crosses(name: str, where: str) -> bool:
    return name.startswith(where) and name.endswith(CROSS)


@contextmanager
def recorded(unet: Any, where: str = "") -> Iterator[list[Tensor]]:
    """Collects every cross-attention map while the block lasts, in the order of the layers.

    Each is [n, pixels, tokens], averaged over heads; what the denoiser returns does not change.
    ``where`` takes only layers whose names begin so. Raises CheckpointError where there are none.
    """
    before = unet.attn_processors
    if not attends(unet, where):
        raise CheckpointError(
            f"This checkpoint has no cross-attention{f' in its {where}' if where else ''}, so "
            "there is nothing to tell from where its pixels look: leave out the detectors that "
            "read attention."
        )
    maps: list[Tensor] = []
    unet.set_attn_processor(
        {
            name: _Recording(each, maps) if _crosses(name, where) else each
            for name, each in before.items()
        }
    )
    try:
        yield maps
    finally:
        unet.set_attn_processor(before)


class _Recording:
    """A processor that does as ``inner`` does, and keeps the attention."""

    def __init__(self, inner: Any, maps: list[Tensor]) -> None:
        self._inner, self._maps = inner, maps

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        with torch.no_grad():
            query = attn.head_to_batch_dim(attn.to_q(hidden_states))
            key = attn.head_to_batch_dim(attn.to_k(encoder_hidden_states))
            scores = attn.get_attention_scores(query, key, attention_mask)
            self._maps.append(scores.unflatten(0, (len(hidden_states), attn.heads)).mean(1))
        found: Tensor = self._inner(
            attn, hidden_states, encoder_hidden_states, attention_mask, temb=temb
        )
        return found
