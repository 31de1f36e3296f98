"""Entropy of cross-attention over tokens (Ren et al., ECCV 2024).

Without memorisation the attention concentrates on the first token during denoising; with
memorisation it stays spread over the tokens that trigger the picture. Known failure: long prompts
spread it too.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seedwitness.detectors.cross_attention import record_attention
from seedwitness.detectors.probe import Probe

LATE_FRACTION = 5  # the last 1/5 of the steps: the paper takes steps 40 to 49 of 50
FIRST_STEP_LAYER = 3  # index from 0 of the cross-attention layer that is read at the first step


def attention_entropy(probe: Probe, noise: Tensor) -> Tensor:
    """Compute late attention entropy plus its growth over the padding (D, Ren et al.): [n].

    D = mean E_t + mean (P_t − P_0) over the last fifth of the steps t: E_t is the entropy in nats
    of the attention over all tokens, averaged over layers, heads and pixels; P_t is its part from
    the end token on. Higher is more memorised; two NFE a step. ``noise`` is [n, c, h, w].
    """
    entropies, padding_entropies = [], []
    with record_attention(probe.pipeline.unet) as maps:
        for _ in probe.walk(noise):
            attention = _average_maps(
                maps[: len(maps) // 2]
            )  # the prompt's maps come before those of the empty prompt
            maps.clear()
            entropies.append(_compute_entropy(attention))
            padding_entropies.append(_compute_entropy(attention[:, probe.token_count - 1 :]))
    late_steps = slice(-max(1, len(entropies) // LATE_FRACTION), None)
    growth = torch.stack(padding_entropies[late_steps]).mean(0) - padding_entropies[0]
    return torch.stack(entropies[late_steps]).mean(0) + growth


def first_attention_entropy(probe: Probe, noise: Tensor) -> Tensor:
    """Compute the entropy of one layer's attention at the first step (E, Ren et al., 2024): [n].

    In nats, of the fourth cross-attention layer, or the last if there are fewer. Higher is more
    memorised; one NFE. ``noise`` is [n, c, h, w].
    """
    x = noise.to(probe.pipeline.device, probe.pipeline.unet.dtype)
    with torch.no_grad(), record_attention(probe.pipeline.unet) as maps:
        probe.predict_conditional(x, probe.timesteps[0])
    return _compute_entropy(_average_maps([maps[min(FIRST_STEP_LAYER, len(maps) - 1)]]))


def _average_maps(maps: Sequence[Tensor]) -> Tensor:
    """Average attention maps over layers and pixels: [n, tokens]."""
    return torch.stack([attention.float().mean(1) for attention in maps]).mean(0).cpu()


def _compute_entropy(attention: Tensor) -> Tensor:
    entropy: Tensor = torch.special.entr(attention).sum(1)
    return entropy
