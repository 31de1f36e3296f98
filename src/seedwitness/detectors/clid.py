"""CLiD (Zhai et al., NeurIPS 2024, arXiv 2405.14800): how much the caption helps to denoise.

Only the mean difference of losses. Its weight beside the loss is fitted on shadow models in the
paper, and there are none here.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seedwitness.detectors.probe import Probe, compute_squared_norms

SHARES = (0.75, 0.5, 0.25, 0.0)
"""Shares of the caption's words that the reduced prompts keep; 0 is the empty prompt."""


@torch.no_grad()
def clid(probe: Probe, noise: Tensor) -> Tensor:
    """Compute the mean loss under four reduced prompts less that under the caption (CLiD): [n].

    The k-th of n noises is mixed in at the timestep (k + ½)/n, the same for all prompts. Higher is
    more memorised; five NFE a noise. ``noise`` is [n, c, h, w]. Raises ValueError without a target.
    """
    clean, noise = probe.encode_target(), noise.to(probe.pipeline.device)
    words = probe.prompt.split()
    reduced = [" ".join(words[: round(share * len(words))]) for share in SHARES]
    values = []
    for number, row in enumerate(noise):
        t = probe.find_timestep((number + 0.5) / len(noise))
        x = probe.mix_noise(clean, row[None], t)
        losses = [
            compute_squared_norms(probe.predict_under(prompt, x, t) - row[None])
            for prompt in (*reduced, probe.prompt)
        ]
        values.append((sum(losses[:-1]) / len(reduced) - losses[-1]) / clean[0].numel())
    return torch.cat(values)
