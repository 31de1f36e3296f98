"""Optimise a hard prompt by CLIP: PEZ (Wen et al., "Hard Prompts Made Easy", NeurIPS 2023, Alg. 1).

The gradient is taken at the nearest vocabulary rows and applied to a continuous copy. The prompts
make no sense to people but transfer between models that share the text encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor, nn

from seedwitness.config.prompt_settings import PezSettings
from seedwitness.errors import ConfigError
from seedwitness.metrics.clip_score import ClipScore
from seedwitness.prompts.budget import Budget
from seedwitness.prompts.hard_tokens import (
    draw_tokens,
    make_token_rows,
    project_to_vocabulary,
    replace_embeddings,
)
from seedwitness.prompts.recovery_input import Candidate, RecoveryInput
from seedwitness.runtime.devices import full_precision


def list_optimised_prompts(inputs: Sequence[RecoveryInput]) -> list[list[Candidate]]:
    """One candidate for each target, of the method ``pez``; all targets are optimised at once.

    Settings and budget are those of the first. Raises ConfigError without a loaded CLIP, or where
    the tokens do not fit into its context.
    """
    if not inputs:
        return []
    first = inputs[0]
    if first.clip is None:
        raise ConfigError("recover.methods: `pez` needs the CLIP model of `clip.path`.")
    images = torch.stack([torch.from_numpy(each.image) for each in inputs])
    texts = optimise_prompts(first.clip, images, first.pez, first.budget)
    return [[Candidate(text, "recovered", "pez")] if text.strip() else [] for text in texts]


@full_precision()
def optimise_prompts(
    clip: ClipScore, images: Tensor, settings: PezSettings, budget: Budget
) -> list[str]:
    """Optimise a prompt for each of ``images``, embeddings [n, d] of unit length; its text.

    Every step projects to the vocabulary, takes the gradient of 1 - cosine there, and applies it
    to the continuous copy by AdamW. Of all projections the one of the highest cosine is kept. A
    result does not depend on the other images beyond the last bits.
    """
    layer = find_token_embedding(clip.model, len(clip.tokenizer([""])[0]))
    begin, end, padding = (int(each) for each in clip.tokenizer([""])[0][:3])
    limit = len(clip.tokenizer([""])[0])
    if settings.tokens + 2 > limit:
        raise ConfigError(
            f"recover.pez.tokens: {settings.tokens} tokens, begin and end do not fit into the "
            f"{limit} of {clip.info.name}. Set it to {limit - 2} at most."
        )
    vocabulary = layer.weight.detach()
    special = torch.tensor(sorted({begin, end, padding}), device=vocabulary.device)
    allowed = torch.arange(_count_tokens(clip.tokenizer, len(vocabulary)), device=special.device)
    allowed = allowed[~torch.isin(allowed, special)]
    images = images.to(vocabulary.device)
    start = draw_tokens(allowed, settings.tokens, settings.seed)
    current = vocabulary[start].float().expand(len(images), -1, -1).clone()  # [n, tokens, width]
    current.requires_grad_()
    optimiser = torch.optim.AdamW(
        [current], lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    best_cosines = torch.full((len(images),), -2.0, device=images.device)
    best_ids = start.expand(len(images), -1).clone()
    for step in range(settings.steps):
        if not budget.can_spend():
            break
        ids = project_to_vocabulary(current.detach(), vocabulary, allowed)  # [n, tokens]
        projected = vocabulary[ids].float().requires_grad_()
        with replace_embeddings(layer, projected):
            rows = make_token_rows(ids, begin, end, padding, limit)
            texts = clip.model.encode_text(rows, normalize=True).float()  # [n, d]
        cosines = (texts * images).sum(-1)
        (current.grad,) = torch.autograd.grad((1 - cosines).sum(), projected)
        better = cosines.detach() > best_cosines
        best_cosines = torch.where(better, cosines.detach(), best_cosines)
        best_ids = torch.where(better[:, None], ids, best_ids)
        optimiser.step()
        if budget.report:
            budget.report("pez", (step + 1) / settings.steps)
    return [decode_tokens(clip.tokenizer, row.tolist()) for row in best_ids]


def find_token_embedding(model: Any, limit: int) -> nn.Embedding:
    """The layer that embeds tokens: of the text encoder the embedding of the most rows.

    Raises ConfigError where the model has none.
    """
    layers = [
        layer
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Embedding) and "visual" not in name and len(layer.weight) > limit
    ]
    if not layers:
        raise ConfigError("recover.methods: `pez` found no embedding of tokens in the CLIP model.")
    return max(layers, key=lambda layer: len(layer.weight))


def decode_tokens(tokenizer: Any, ids: list[int]) -> str:
    """The text of token ids, by open_clip's tokenizer or by a Hugging Face tokenizer."""
    if isinstance(tokenizer, SimpleTokenizer):
        return str(tokenizer.decode(ids)).strip()
    return str(tokenizer.tokenizer.decode(ids)).strip()


def _count_tokens(tokenizer: Any, rows: int) -> int:
    """Rows of the embedding that are tokens; some models have more rows than tokens."""
    count = (
        tokenizer.vocab_size if isinstance(tokenizer, SimpleTokenizer) else len(tokenizer.tokenizer)
    )
    return min(int(count), rows)
