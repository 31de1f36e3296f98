"""Record the cross-attention maps of a denoiser: which tokens its pixels attend to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from seedwitness.errors import CheckpointError

CROSS_ATTENTION_SUFFIX = "attn2.processor"


def has_cross_attention(unet: Any, prefix: str = "") -> bool:
    """Whether a denoiser has cross-attention in layers whose names begin with ``prefix``."""
    return any(_is_cross_attention(name, prefix) for name in unet.attn_processors)


def _is_cross_attention(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name.endswith(CROSS_ATTENTION_SUFFIX)


@contextmanager
def record_attention(unet: Any, prefix: str = "") -> Iterator[list[Tensor]]:
    """Record every cross-attention map within the block, in the order of the layers.

    Each is [n, pixels, tokens], averaged over heads; the denoiser's output does not change. Only
    layers whose names begin with ``prefix`` are recorded. Raises CheckpointError if there are none.
    """
    processors = unet.attn_processors
    if not has_cross_attention(unet, prefix):
        raise CheckpointError(
            f"This checkpoint has no cross-attention{f' in its {prefix}' if prefix else ''}. "
            "Remove the detectors that read attention."
        )
    maps: list[Tensor] = []
    unet.set_attn_processor(
        {
            name: _RecordingProcessor(processor, maps)
            if _is_cross_attention(name, prefix)
            else processor
            for name, processor in processors.items()
        }
    )
    try:
        yield maps
    finally:
        unet.set_attn_processor(processors)


class _RecordingProcessor:
    """An attention processor that calls ``processor`` and records the attention."""

    def __init__(self, processor: Any, maps: list[Tensor]) -> None:
        self._processor, self._maps = processor, maps

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
        output: Tensor = self._processor(
            attn, hidden_states, encoder_hidden_states, attention_mask, temb=temb
        )
        return output
