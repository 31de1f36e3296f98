"""Optimise a hard prompt by the checkpoint's own denoising loss: PH2P (Mahajan et al., CVPR 2024).

The loss is taken at late timesteps, where words matter most. Every prompt on the way is noted, and
all of them are scored at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from seedwitness.config.prompt_settings import Ph2pSettings
from seedwitness.errors import ConfigError
from seedwitness.prompts.budget import Budget
from seedwitness.prompts.denoising_loss import diffuse, prediction_target
from seedwitness.prompts.hard_tokens import (
    draw_tokens,
    make_token_rows,
    project_to_vocabulary,
    replace_embeddings,
)
from seedwitness.runtime.devices import full_precision

EARLIEST, LATEST = 0.5, 0.9
"""Timesteps are drawn from [500, 900) of 1,000."""


class _BudgetSpent(Exception):
    """Ends an optimiser's step from inside of it."""


@full_precision()
def optimise_prompts(
    pipeline: StableDiffusionPipeline,
    latent: Tensor,
    settings: Ph2pSettings,
    budget: Budget,
    *,
    score: Callable[[Sequence[str]], list[float]],
    cost: int,
) -> list[str]:
    """Optimise hard prompts for a picture's ``latent`` [c, h, w]; all that were met, best first.

    L-BFGS moves a continuous copy by the gradient at its nearest vocabulary rows. Timesteps and
    noises of one step of it are fixed, ``accumulate`` of each, so that its line is of one function.
    An evaluation costs 2 ``accumulate`` NFE with the backward pass, and ``cost`` for the score of
    each prompt is set aside. Ends with the budget, after ``steps`` or where the loss is not finite.
    Raises ConfigError where the tokens do not fit into the encoder.
    """
    tokenizer, encoder = pipeline.tokenizer, pipeline.text_encoder
    limit = tokenizer.model_max_length
    if settings.tokens + 2 > limit:
        raise ConfigError(
            f"search.refinement.ph2p.tokens: {settings.tokens} tokens, begin and end do not fit "
            f"into the {limit} of the checkpoint. Set it to {limit - 2} at most."
        )
    device = pipeline.device
    layer = encoder.get_input_embeddings()
    vocabulary = layer.weight.detach()
    special = torch.tensor(sorted(set(tokenizer.all_special_ids)), device=device)
    allowed = torch.arange(min(len(tokenizer), len(vocabulary)), device=device)
    allowed = allowed[~torch.isin(allowed, special)]
    start = vocabulary[draw_tokens(allowed, settings.tokens, settings.seed)]
    current = start.float()[None].clone().requires_grad_()  # [1, tokens, width]
    optimiser = torch.optim.LBFGS(
        [current], lr=settings.learning_rate, max_iter=settings.max_iterations
    )
    generator = torch.Generator().manual_seed(settings.seed)
    train_steps = pipeline.scheduler.config.num_train_timesteps
    met: dict[str, None] = {}
    step_cost = 2 * settings.accumulate
    for _ in range(settings.steps):
        low, high = int(EARLIEST * train_steps), int(LATEST * train_steps)
        levels = torch.randint(low, high, (settings.accumulate,), generator=generator).tolist()
        noises = torch.randn((settings.accumulate, *latent.shape), generator=generator)

        def evaluate(levels: list[int] = levels, noises: Tensor = noises) -> float:
            if not budget.can_spend(step_cost + cost * (len(met) + 1)):
                raise _BudgetSpent
            ids = project_to_vocabulary(current.detach(), vocabulary, allowed)  # [1, tokens]
            met.setdefault(tokenizer.decode(ids[0].tolist()).strip())
            projected = vocabulary[ids].float().requires_grad_()
            rows = make_token_rows(
                ids, tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id, limit
            )
            with replace_embeddings(layer, projected):
                states = encoder(rows)[0]
            loss = _compute_loss(pipeline, latent, states, levels, noises)
            (current.grad,) = torch.autograd.grad(loss, projected)
            budget.spend(step_cost, "ph2p")
            if not loss.isfinite() or not current.grad.isfinite().all():
                raise _BudgetSpent
            return float(loss.detach())

        try:
            optimiser.step(evaluate)
        except _BudgetSpent:
            break
    texts = [text for text in met if text]
    scores = score(texts)
    budget.spend(len(texts) * cost, "ph2p")
    ranked = sorted(zip(texts, scores, strict=True), key=lambda pair: (pair[1], pair[0]))
    return [text for text, _ in ranked]


def _compute_loss(
    pipeline: StableDiffusionPipeline,
    latent: Tensor,
    states: Tensor,
    levels: Sequence[int],
    noises: Tensor,
) -> Tensor:
    """The mean denoising loss over levels and noises, under one text's ``states``."""
    device, dtype = pipeline.device, pipeline.unet.dtype
    pairs = list(zip(levels, noises, strict=True))
    noisy = torch.stack([diffuse(pipeline, latent, noise, t) for t, noise in pairs])
    target = torch.stack([prediction_target(pipeline, latent, noise, t) for t, noise in pairs])
    prediction = pipeline.unet(
        noisy.to(device, dtype),
        torch.tensor(levels, device=device),
        states.to(dtype).expand(len(levels), -1, -1),
        return_dict=False,
    )[0]
    loss: Tensor = (prediction.float() - target.to(device).float()).square().mean()
    return loss
