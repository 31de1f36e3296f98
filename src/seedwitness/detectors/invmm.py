"""InvMM (ICCV 2025): how far noise has to be moved before a picture comes back from all of it.

Image-side: it asks how much has to be told beside the prompt. Of a memorised picture nothing has to
be told, and the standard normal is left as it is. The paper also looks for the prompt; here it is
the probe's, so that a figure speaks of one prompt. Draws are the given noise, moved along by a
fixed stride from step to step, so that the same noise gives the same figure.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import torch
from torch import Tensor

from seedwitness.detectors.probe import Probe
from seedwitness.engine.sampling import encode_pictures

STEPS, RATE = 300, 0.1
CHECK = 50  # steps between two looks at what the noise gives
ENOUGH = 1e-3  # by which the loss has to fall between two looks, or the noise is given more room
GROWTH = 1e-3  # of the weight of the divergence, a step
GOLDEN = 0.6180339887498949
STRIDE = 7919  # elements that noise is moved along by


def invmm(probe: Probe, noise: Tensor) -> Tensor:
    """Minus the divergence from N(0, I) of noise that gives the target (InvMM, ICCV 2025): [1].

    In nats an element, ≤ 0, higher is more memorised; −∞ where 300 steps of Adam find no such
    noise. ``noise`` [n, c, h, w] are the draws: all n pictures have to be as like the target as
    ``probe.copy_at`` says. A step costs n NFE and n passes back, a look 4 to 4 n NFE for each
    step of the sampler. Raises ValueError where the probe has no target or nothing that compares.
    """
    if probe.target is None or probe.alike is None:
        raise ValueError("likeness to a target wants a target and a measure")
    noise = noise.to(probe.pipeline.device)
    for number, (mean, deviation) in enumerate(fitted(probe, noise), start=1):
        if number % CHECK == 0 and _comes_back(probe, mean + deviation * noise):
            divergence = (
                mean.square() + deviation.square() - 1
            ).mean() / 2 - deviation.log().mean()
            return -divergence[None].cpu()
        if number == STEPS:
            break
    return torch.tensor([-torch.inf])


def fitted(probe: Probe, noise: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Mean and deviation [c, h, w] of noise from which the target is denoised, step by step.

    Adam on the squared error of the predicted clean latents, plus the divergence from N(0, I),
    whose weight grows until the error falls no more, and then is halved.
    """
    assert probe.target is not None
    noise = noise.to(probe.pipeline.device)
    clean = encode_pictures(probe.pipeline, probe.target[None])[0].to(noise.device)
    mean = torch.zeros_like(clean).requires_grad_()
    log_variance = torch.zeros_like(clean).requires_grad_()
    optimiser = torch.optim.Adam([mean, log_variance], RATE)
    weight, last, recent = 1.0, float("inf"), []
    for step in count():
        drawn = noise.flatten(1).roll(step * STRIDE, 1).view_as(noise)
        places = [(row + step * len(noise)) * GOLDEN % 1 for row in range(len(noise))]
        with torch.enable_grad():
            shifted = mean + (log_variance / 2).exp() * drawn
            error = (probe.cleaned(clean, shifted, places) - clean).square().mean()
            away = (mean.square() + log_variance.exp() - log_variance - 1).mean() / 2
            gradients = torch.autograd.grad(error + weight * away, [mean, log_variance])
        probe.backward += len(noise)
        mean.grad, log_variance.grad = gradients
        optimiser.step()
        recent.append(float(error.detach()))
        if (step + 1) % CHECK:
            weight += GROWTH
        else:
            now = sum(recent) / len(recent)
            weight = weight / 2 if last - now < ENOUGH else weight + GROWTH
            last, recent = now, []
        yield mean.detach(), (log_variance.detach() / 2).exp()


def _comes_back(probe: Probe, noise: Tensor) -> bool:
    """Whether all of ``noise`` gives copies of the target, with guidance or without."""
    assert probe.target is not None
    assert probe.alike is not None
    alike, target = probe.alike, probe.target

    def copied(row: Tensor, guidance: float) -> bool:
        return float(alike(probe.pictures(row, guidance), target)) >= probe.copy_at

    # One at a time: the first that is no copy answers for all.
    return any(
        all(copied(row, guidance) for row in noise.split(1)) for guidance in (1.0, probe.guidance)
    )
