"""Train the lab's copy-detection descriptor by the method of SSCD (Pizzi et al., CVPR 2022).

The loss pulls copies of one picture together and pushes different pictures apart (InfoNCE). It also
pushes each descriptor away from the nearest one of another picture (the differential entropy of
Sablayrolles et al., ICLR 2019). This spreads the descriptors evenly over the sphere, so that a
distance means the same everywhere.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seedlab.distortions import (
    add_noise,
    blur,
    compress_jpeg,
    draw_uniform,
    shift_colour,
    warp,
)
from seedlab.training import TrainingSchedule, train_model
from seedwitness.metrics import LAB_WEIGHTS
from seedwitness.metrics.descriptor import Preprocessing
from seedwitness.metrics.weights import write_card
from seedwitness.runtime.devices import default_device
from seedwitness.runtime.files import write_whole

WEIGHTS_FILE = "descriptor.pt"
Edit = Callable[[Tensor, torch.Generator], Tensor]


@dataclass(frozen=True)
class DescriptorSettings:
    """Size and training of a descriptor.

    ``widths`` are the channels of the stem and of each block.
    """

    widths: tuple[int, ...] = (32, 64, 104, 144)
    dimensions: int = 96
    batch: int = 40
    steps: int = 1200
    learning_rate: float = 2e-3
    temperature: float = 0.05
    entropy_weight: float = 2.0
    seed: int = 1


class ResidualBlock(nn.Module):
    """Residual block (He et al., CVPR 2016); a ``stride`` of 2 halves height and width."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.first = nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(width)
        self.shortcut = nn.Conv2d(channels, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, h, w] to [n, width, h/stride, w/stride]."""
        y = F.relu(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(y))
        return F.relu(y + self.shortcut(F.avg_pool2d(x, self.stride, ceil_mode=True)))


class DescriptorNetwork(nn.Module):
    """Small residual network with generalised mean pooling (p = 3) and projection to unit length.

    The last block keeps the resolution, 1/16 of the picture. Many small parts, of which a crop
    keeps most, distinguish copies better than few large ones.
    """

    def __init__(self, widths: tuple[int, ...], dimensions: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 7, stride=4, padding=3, bias=False)
        self.stem_norm = nn.BatchNorm2d(widths[0])
        *halving, last = pairwise(widths)
        self.blocks = nn.Sequential(
            *(ResidualBlock(*pair, 2) for pair in halving), ResidualBlock(*last, 1)
        )
        self.projection = nn.Linear(widths[-1], dimensions)

    def forward(self, x: Tensor) -> Tensor:
        """Normalised pictures [n, 3, h, w] to descriptors [n, dimensions]."""
        x = F.relu(self.stem_norm(self.stem(x)))
        x = self.blocks(x)
        x = x.clamp_min(1e-3).pow(3).mean((2, 3)).pow(1 / 3)  # GeM
        return F.normalize(self.projection(x), dim=-1)


def build_descriptor(settings: DescriptorSettings) -> DescriptorNetwork:
    """An untrained network; its initial weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return DescriptorNetwork(settings.widths, settings.dimensions)


def edit_copies(x: Tensor, generator: torch.Generator, min_share: float = 0.3) -> Tensor:
    """A randomly edited copy of each picture: all are cropped, and half undergo each other edit.

    ``x`` is [n, 3, h, w] in [0, 1], and so is the result. ``min_share`` is the smallest share of
    the area that a crop keeps.
    """
    n = len(x)

    def draw_half() -> Tensor:
        return torch.rand(n, generator=generator) < 0.5

    share = draw_uniform(min_share, 1.0, n, generator)
    room = 1 - share.sqrt()
    x = warp(
        x,
        zoom=share.rsqrt(),
        right=room * draw_uniform(-1, 1, n, generator),
        down=room * draw_uniform(-1, 1, n, generator),
        angle=draw_uniform(-0.2, 0.2, n, generator) * draw_half(),
        mirrored=draw_half(),
    )
    shifted = draw_half()
    x = shift_colour(
        x,
        brightness=draw_uniform(-0.2, 0.2, n, generator) * shifted,
        contrast=1 + draw_uniform(-0.4, 0.4, n, generator) * shifted,
        saturation=1 + draw_uniform(-1.0, 0.8, n, generator) * shifted,
        cast=1
        + torch.stack([draw_uniform(-0.3, 0.3, n, generator) * shifted for _ in range(3)], 1),
    )
    x = blur(x, draw_uniform(0.0, 2.0, n, generator) * draw_half() * (x.shape[-1] / 128))
    x = add_noise(x, draw_uniform(0.0, 0.08, n, generator) * draw_half(), generator)
    quality = torch.randint(20, 90, (n,), generator=generator)
    compressed = draw_half().nonzero().flatten()
    if len(compressed):
        x[compressed] = compress_jpeg(x[compressed], quality[compressed].tolist())
    return x


def contrastive_loss(
    first: Tensor, second: Tensor, temperature: float, entropy_weight: float
) -> dict[str, Tensor]:
    """InfoNCE loss over two copies of each picture, and the entropy term.

    Both inputs are [n, d], of unit length. ``entropy`` is minus the mean logarithm of the distance
    to the nearest descriptor of another picture; it falls as the descriptors spread.
    """
    n = len(first)
    both = torch.cat([first, second])  # [2n, d]
    similarity = both @ both.T
    same_picture = torch.eye(n, dtype=torch.bool, device=both.device).repeat(2, 2)
    same_copy = torch.eye(2 * n, dtype=torch.bool, device=both.device)
    partner = torch.arange(2 * n, device=both.device).roll(n)
    logits = similarity.masked_fill(same_copy, -torch.inf) / temperature
    contrast = F.cross_entropy(logits, partner)
    nearest = similarity.detach().masked_fill(same_picture, -2).argmax(1)
    entropy = -(both - both[nearest]).norm(dim=1).clamp_min(1e-6).log().mean()
    return {
        "loss": contrast + entropy_weight * entropy,
        "contrast": contrast,
        "entropy": entropy,
    }


def choose_preprocessing(pictures: Tensor) -> Preprocessing:
    """Preprocessing for training and measuring on ``pictures`` [n, 3, s, s]: their own size."""
    return Preprocessing(size=pictures.shape[-1], square=True)


def train_descriptor(
    pictures: Tensor, settings: DescriptorSettings, *, data_key: str, scratch: Path, log: Path
) -> DescriptorNetwork:
    """A descriptor trained on ``pictures``, uint8 [n, 3, s, s], all different from one another.

    See ``training.train_model`` for the other arguments and errors.
    """
    network = build_descriptor(settings).to(default_device())
    preprocessing = choose_preprocessing(pictures)
    batch = min(settings.batch, len(pictures))

    def loss(step: int, generator: torch.Generator) -> Mapping[str, Tensor]:
        indices = torch.randperm(len(pictures), generator=generator)[:batch]
        x = pictures[indices].to(default_device()).float() / 255
        # Copies are compared with whole pictures, so one of the two copies keeps most of its area.
        copies = torch.cat([edit_copies(x, generator), edit_copies(x, generator, min_share=0.8)])
        first, second = network(preprocessing.normalise(copies)).chunk(2)
        return contrastive_loss(first, second, settings.temperature, settings.entropy_weight)

    warmup = min(100, settings.steps // 10)
    schedule = TrainingSchedule(
        settings.steps, settings.learning_rate, settings.seed, warmup=warmup
    )
    train_model(
        "descriptor",
        network,
        loss,
        schedule,
        module=__name__,
        data_key=data_key,
        scratch=scratch,
        log=log,
    )
    return network


def save_descriptor(network: DescriptorNetwork, folder: Path, *, size: int) -> Path:
    """Write ``network`` as TorchScript, the format of the published SSCD, with its card.

    ``size`` is the side of the pictures that it was trained on. Returns the path of the file.
    """
    network = network.cpu().eval()
    file = io.BytesIO()  # torch writes the name of a file into its bytes
    with warnings.catch_warnings():
        # Deprecated, but it is the format of the published descriptors.
        warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
        traced = torch.jit.trace(network, torch.zeros(2, 3, size, size))
        torch.jit.save(torch.jit.freeze(traced), file)
    path = folder / WEIGHTS_FILE
    write_whole(path, _without_source_paths(file.getvalue()))
    write_card(
        path,
        {
            "name": "lab-descriptor",
            "label": LAB_WEIGHTS,
            "source": "trained in the lab after Pizzi et al., CVPR 2022",
            "dimensions": network.projection.out_features,
            **Preprocessing(size=size, square=True).make_card_entries(),
        },
    )
    return path


def _without_source_paths(archive: bytes) -> bytes:
    """A TorchScript archive without its debug records, which contain paths of this machine."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            if not name.endswith(".debug_pkl"):
                new.writestr(zipfile.ZipInfo(name), old.read(name))
    return out.getvalue()
