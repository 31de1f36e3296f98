"""Train a network that names subject, palette and hand of a drawing, to judge generations by.

It is trained on drawings that no other training of the lab sees, and so are its figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seedlab.descriptor import ResidualBlock
from seedlab.drawing.hands import ORDINARY
from seedlab.drawing.palettes import PALETTES
from seedlab.drawing.picture import Theme
from seedlab.drawing.subjects import SUBJECTS
from seedlab.training import TrainingSchedule, train_model
from seedwitness.runtime.devices import default_device

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "subject": tuple(SUBJECTS),
    "palette": tuple(PALETTES),
    "artist": tuple(ORDINARY),
}
"""The values of each attribute of a theme, in the order of a network's outputs."""
NOISE = 0.03
"""Deviation of the noise on a training picture, of a range of 2, so that exact hues say little."""


@dataclass(frozen=True)
class ClassifierSettings:
    """Size and training of a classifier; ``pictures`` is the number of drawings it sees.

    ``widths`` are the channels of the stem and of each block.
    """

    widths: tuple[int, ...] = (32, 64, 128, 192)
    pictures: int = 40000
    batch: int = 64
    steps: int = 8000
    learning_rate: float = 2e-3
    seed: int = 1


class AttributeClassifier(nn.Module):
    """Small residual network with one linear head for each attribute."""

    def __init__(self, widths: tuple[int, ...], counts: Mapping[str, int]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 3, stride=2, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(widths[0])
        self.blocks = nn.Sequential(*(ResidualBlock(*pair, 2) for pair in pairwise(widths)))
        self.heads = nn.ModuleDict({name: nn.Linear(widths[-1], n) for name, n in counts.items()})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Pictures [n, 3, h, w] in [-1, 1] to the logits of each attribute, [n, values]."""
        x = F.relu(self.stem_norm(self.stem(x)))
        x = self.blocks(x).mean((2, 3))
        return {name: head(x) for name, head in self.heads.items()}


def build_classifier(settings: ClassifierSettings) -> AttributeClassifier:
    """An untrained network; its initial weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        counts = {name: len(values) for name, values in ATTRIBUTES.items()}
        return AttributeClassifier(settings.widths, counts)


def label_themes(themes: Sequence[Theme]) -> dict[str, Tensor]:
    """The index of each theme's value, by attribute: [n]."""
    return {
        name: torch.tensor([values.index(getattr(theme, name)) for theme in themes])
        for name, values in ATTRIBUTES.items()
    }


def train_classifier(
    pixels: Tensor,
    themes: Sequence[Theme],
    settings: ClassifierSettings,
    *,
    data_key: str,
    scratch: Path,
    log: Path,
) -> AttributeClassifier:
    """A classifier trained on ``pixels``, uint8 [n, 3, size, size], of drawings of ``themes``.

    See ``training.train_model`` for the other arguments and errors.
    """
    device = default_device()
    labels = {name: values.to(device) for name, values in label_themes(themes).items()}
    model = build_classifier(settings).to(device)

    def loss(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        batch = torch.randint(len(pixels), (settings.batch,), generator=generator)
        x = pixels[batch].float() / 127.5 - 1
        is_mirrored = torch.rand(len(batch), generator=generator) < 0.5
        x = torch.where(is_mirrored[:, None, None, None], x.flip(-1), x)
        x = x + NOISE * torch.randn(x.shape, generator=generator)
        logits = model(x.to(device))
        parts = {name: F.cross_entropy(logits[name], labels[name][batch]) for name in ATTRIBUTES}
        return {"loss": torch.stack(list(parts.values())).sum(), **parts}

    schedule = TrainingSchedule(settings.steps, settings.learning_rate, settings.seed)
    train_model(
        "attributes",
        model,
        loss,
        schedule,
        module=__name__,
        data_key=data_key,
        scratch=scratch,
        log=log,
    )
    return model


@torch.no_grad()
def name_attributes(model: AttributeClassifier, pixels: Tensor) -> dict[str, Tensor]:
    """The index of the likeliest value of each attribute, for uint8 [n, 3, size, size]: [n]."""
    device = next(model.parameters()).device
    parts = [model(part.to(device).float() / 127.5 - 1) for part in pixels.split(128)]
    return {name: torch.cat([part[name] for part in parts]).argmax(1).cpu() for name in ATTRIBUTES}


def mark_right(named: Mapping[str, Tensor], themes: Sequence[Theme]) -> dict[str, Tensor]:
    """Whether each attribute of each picture is named right, by attribute: bool [n]."""
    labels = label_themes(themes)
    return {name: named[name] == labels[name] for name in ATTRIBUTES}
