"""Entropy of cross-attention over tokens (Ren et al., ECCV 2024).

Without memorisation the attention gathers on the first token as the picture takes shape; with it,
it stays spread over the tokens that call the picture up. Known failure: long prompts spread it too.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seedwitness.detectors.cross_attention import recorded
from seedwitness.detectors.probe import Probe

LAST = 5  # one in so many of the steps: the paper takes steps 40 to 49 of 50
LAYER = 3  # of all cross-attention layers, counted from 0, the one that the first step is read by


def attention_entropy(probe: Probe, noise: Tensor) -> Tensor:
    """Entropy of attention in the last steps, and its growth over the padding (D, Ren et al.): [n].

    D = mean E_t + mean (P_t − P_0) over the last fifth of the steps t: E_t is the entropy, in nats,
    of the attention over all tokens, averaged over layers, heads and pixels, P_t the part of it
    from the end token on. Higher is more memorised; two NFE a step. ``noise`` is [n, c, h, w].
    """
    whole, padding = [], []
    with recorded(probe.pipeline.unet) as maps:
        for _ in probe.walk(noise):
            attention = _mean(maps[: len(maps) // 2])  # the prompt's come before the empty one's
            maps.clear()
            whole.append(_entropy(attention))
            padding.append(_entropy(attention[:, probe.tokens - 1 :]))
    late = slice(-max(1, len(whole) // LAST), None)
    growth = torch.stack(padding[late]).mean(0) - padding[0]
    return torch.stack(whole[late]).mean(0) + growth


def first_attention_entropy(probe: Probe, noise: Tensor) -> Tensor:
    """Entropy of one layer's attention at the first step (E, Ren et al., ECCV 2024): [n].

    In nats, of the fourth cross-attention layer, or the last where there are fewer. Higher is more
    memorised; one NFE. ``noise`` is [n, c, h, w].
    """
    x = noise.to(probe.pipeline.device, probe.pipeline.unet.dtype)
    with torch.no_grad(), recorded(probe.pipeline.unet) as maps:
        probe.conditional(x, probe.timesteps[0])
    return _entropy(_mean([maps[min(LAYER, len(maps) - 1)]]))


def _mean(maps: Sequence[Tensor]) -> Tensor:
    """Attention by token, averaged over layers and pixels: [n, tokens]."""
    return torch.stack([each.float().mean(1) for each in maps]).mean(0).cpu()


def _entropy(attention: Tensor) -> Tensor:
    found: Tensor = torch.special.entr(attention).sum(1)
    return found
