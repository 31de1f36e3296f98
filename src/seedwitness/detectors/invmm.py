"""InvMM (ICCV 2025): how far the noise distribution must move until every sample is a copy.

It measures how much information beside the prompt is needed. A memorised picture needs none: the
standard normal stays unchanged. The paper also searches for the prompt; here the prompt is the
probe's, so that a value refers to one prompt. The draws are the given noise, rolled by a fixed
stride at each step, so that the same noise gives the same value.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import torch
from torch import Tensor

from seedwitness.detectors.probe import Probe
from seedwitness.engine.sampling import encode_pictures

STEPS, LEARNING_RATE = 300, 0.1
CHECK_INTERVAL = 50  # steps between two checks of the generated pictures
MIN_LOSS_DECREASE = (
    1e-3  # least decrease of the loss between two checks, else the divergence's weight is halved
)
WEIGHT_GROWTH = 1e-3  # growth of the divergence's weight per step
GOLDEN_RATIO = 0.6180339887498949
ROLL_STRIDE = 7919  # elements by which noise is rolled per step


def invmm(probe: Probe, noise: Tensor) -> Tensor:
    """Compute minus the divergence from N(0, I) of noise that gives copies (InvMM, 2025): [1].

    In nats per element, ≤ 0, higher is more memorised; −∞ if 300 steps of Adam find no such noise.
    ``noise`` [n, c, h, w] are the draws: the similarity of all n pictures to the target must reach
    ``probe.copy_threshold``. A step costs n NFE and n backward passes, a check 4 to 4 n NFE for
    each step of the sampler. Raises ValueError if the probe has no target or similarity function.
    """
    if probe.target is None or probe.similarity is None:
        raise ValueError("InvMM needs a probe with a target and a similarity function")
    noise = noise.to(probe.pipeline.device)
    for step, (mean, deviation) in enumerate(optimise_noise(probe, noise), start=1):
        if step % CHECK_INTERVAL == 0 and _gives_copies(probe, mean + deviation * noise):
            divergence = (
                mean.square() + deviation.square() - 1
            ).mean() / 2 - deviation.log().mean()
            return -divergence[None].cpu()
        if step == STEPS:
            break
    return torch.tensor([-torch.inf])


def optimise_noise(probe: Probe, noise: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Optimise mean and deviation [c, h, w] of noise that denoises to the target, step by step.

    Adam minimises the squared error of the predicted clean latents plus the divergence from
    N(0, I), whose weight grows until the error stops falling and is then halved.
    """
    assert probe.target is not None
    noise = noise.to(probe.pipeline.device)
    clean = encode_pictures(probe.pipeline.vae, probe.target[None])[0].to(noise.device)
    mean = torch.zeros_like(clean).requires_grad_()
    log_variance = torch.zeros_like(clean).requires_grad_()
    optimiser = torch.optim.Adam([mean, log_variance], LEARNING_RATE)
    weight, last_mean_error, recent_errors = 1.0, float("inf"), []
    for step in count():
        rolled_noise = noise.flatten(1).roll(step * ROLL_STRIDE, 1).view_as(noise)
        noise_levels = [(row + step * len(noise)) * GOLDEN_RATIO % 1 for row in range(len(noise))]
        with torch.enable_grad():
            moved_noise = mean + (log_variance / 2).exp() * rolled_noise
            error = (probe.predict_clean(clean, moved_noise, noise_levels) - clean).square().mean()
            divergence = (mean.square() + log_variance.exp() - log_variance - 1).mean() / 2
            gradients = torch.autograd.grad(error + weight * divergence, [mean, log_variance])
        probe.backward += len(noise)
        mean.grad, log_variance.grad = gradients
        optimiser.step()
        recent_errors.append(float(error.detach()))
        if (step + 1) % CHECK_INTERVAL:
            weight += WEIGHT_GROWTH
        else:
            mean_error = sum(recent_errors) / len(recent_errors)
            weight = (
                weight / 2
                if last_mean_error - mean_error < MIN_LOSS_DECREASE
                else weight + WEIGHT_GROWTH
            )
            last_mean_error, recent_errors = mean_error, []
        yield mean.detach(), (log_variance.detach() / 2).exp()


def _gives_copies(probe: Probe, noise: Tensor) -> bool:
    """Whether all of ``noise`` gives copies of the target, with or without guidance."""
    assert probe.target is not None
    assert probe.similarity is not None
    similarity, target = probe.similarity, probe.target

    def is_copy(row: Tensor, guidance: float) -> bool:
        return (
            float(similarity(probe.sample_pictures(row, guidance), target)) >= probe.copy_threshold
        )

    # One at a time: the first picture that is no copy ends the check.
    return any(
        all(is_copy(row, guidance) for row in noise.split(1)) for guidance in (1.0, probe.guidance)
    )
