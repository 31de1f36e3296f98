"""Train a checkpoint on a sequence of exposures, one pass, from latents made as they are needed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import CLIPTokenizer

from seedlab.diffusion import DiffusionSettings, build_networks, velocity_loss
from seedlab.exposures import ExposureSequence
from seedlab.tokenizer import tokenize_captions
from seedlab.training import TrainingSchedule, train_model
from seedwitness.runtime.devices import default_device

Take = Callable[[int, int], tuple[Tensor, Tensor]]
"""Latents and token ids of the pictures from a number up to another one."""


@dataclass(frozen=True)
class SequenceData:
    """The order of a training, and where it takes ordinary and special pictures from."""

    sequence: ExposureSequence
    ordinary: Take
    special: Take

    def batch(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Latents [n, c, h, w] and token ids [n, limit] of a part of the sequence, in its order."""
        part = self.sequence.batch(start, stop)
        blocks = [
            take(int(numbers[0]), int(numbers[-1]) + 1)
            for numbers, take in (
                *((block, self.ordinary) for block in part.ordinary_blocks),
                (part.special, self.special),
            )
            if len(numbers)
        ]
        order = torch.from_numpy(part.order)
        latents, ids = (torch.cat(each)[order] for each in zip(*blocks, strict=True))
        return latents, ids


def train_on_sequence(
    name: str,
    data: SequenceData,
    tokenizer: CLIPTokenizer,
    settings: DiffusionSettings,
    *,
    model: nn.ModuleDict | None = None,
    data_key: str,
    scratch: Path,
    log: Path,
) -> nn.ModuleDict:
    """Denoiser and text encoder after one pass over ``data``, with averaged weights.

    ``model`` is where the training starts, as ``build_networks`` names its parts; without it, from
    untrained networks. ``settings.steps`` is not used: the length of the sequence decides. See
    ``training.train_model`` for the other arguments and errors.
    """
    device = default_device()
    empty = tokenize_captions(tokenizer, [""]).to(device)
    if model is None:
        first, _ = data.batch(0, 1)
        model = build_networks(settings, tokenizer, first.shape[1], first.shape[2])
    model = model.to(device)
    length, batch = data.sequence.length, settings.batch

    def loss(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        latents, ids = data.batch(step * batch, min((step + 1) * batch, length))
        return velocity_loss(model, latents.to(device), ids.to(device), empty, settings, generator)

    schedule = TrainingSchedule(math.ceil(length / batch), settings.learning_rate, settings.seed)
    train_model(
        name, model, loss, schedule, module=__name__, data_key=data_key, scratch=scratch, log=log
    )
    return model
