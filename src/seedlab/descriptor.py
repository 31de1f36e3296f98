"""Train the lab's copy descriptor the SSCD way (Pizzi et al., CVPR 2022).

Copies of one picture attract each other, different pictures repel each other (InfoNCE), and each
descriptor is pushed away from its nearest stranger (the differential entropy of Sablayrolles et
al., ICLR 2019), which spreads them evenly over the sphere: so a distance means the same everywhere.
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

from seedlab.distortions import blur, colour, crop, jpeg, noise, uniform, warp
from seedlab.training import Schedule, device, fit, generator_of
from seedwitness.metrics import LAB_WEIGHTS
from seedwitness.metrics.descriptor import Preprocessing, cosines
from seedwitness.metrics.weights import write_card
from seedwitness.runtime.files import write_whole

FILE = "descriptor.pt"
Edit = Callable[[Tensor, torch.Generator], Tensor]


@dataclass(frozen=True)
class Descriptor:
    """Size and training of a descriptor; ``widths`` has the stem's channels, then a block each."""

    widths: tuple[int, ...] = (32, 64, 104, 144)
    dimensions: int = 96
    batch: int = 40
    steps: int = 1200
    learning_rate: float = 2e-3
    temperature: float = 0.05
    entropy_weight: float = 2.0
    seed: int = 1


class Block(nn.Module):
    """Residual block (He et al., CVPR 2016); ``stride`` 2 halves height and width."""

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


class Network(nn.Module):
    """Small residual network, generalised mean pooling with p = 3, projection to unit length.

    The last block keeps the size, 1/16 of the picture's: many small parts, of which a crop keeps
    most, tell copies better than few large ones.
    """

    def __init__(self, widths: tuple[int, ...], dimensions: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 7, stride=4, padding=3, bias=False)
        self.stem_norm = nn.BatchNorm2d(widths[0])
        *halving, last = pairwise(widths)
        self.blocks = nn.Sequential(*(Block(*pair, 2) for pair in halving), Block(*last, 1))
        self.projection = nn.Linear(widths[-1], dimensions)

    def forward(self, x: Tensor) -> Tensor:
        """Normalised pictures [n, 3, h, w] to descriptors [n, dimensions]."""
        x = F.relu(self.stem_norm(self.stem(x)))
        x = self.blocks(x)
        x = x.clamp_min(1e-3).pow(3).mean((2, 3)).pow(1 / 3)  # GeM
        return F.normalize(self.projection(x), dim=-1)


def build(settings: Descriptor) -> Network:
    """A fresh network; its first weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return Network(settings.widths, settings.dimensions)


def edited(x: Tensor, generator: torch.Generator, least: float = 0.3) -> Tensor:
    """A copy of each picture as people make them: all are cropped, half undergo each other edit.

    ``x`` is [n, 3, h, w] in [0, 1], and so is the result; ``least`` is the smallest share of the
    area that a crop leaves.
    """
    n = len(x)

    def half() -> Tensor:
        return torch.rand(n, generator=generator) < 0.5

    share = uniform(least, 1.0, n, generator)
    room = 1 - share.sqrt()
    x = warp(
        x,
        zoom=share.rsqrt(),
        right=room * uniform(-1, 1, n, generator),
        down=room * uniform(-1, 1, n, generator),
        angle=uniform(-0.2, 0.2, n, generator) * half(),
        mirrored=half(),
    )
    shifted = half()
    x = colour(
        x,
        brightness=uniform(-0.2, 0.2, n, generator) * shifted,
        contrast=1 + uniform(-0.4, 0.4, n, generator) * shifted,
        saturation=1 + uniform(-1.0, 0.8, n, generator) * shifted,
        cast=1 + torch.stack([uniform(-0.3, 0.3, n, generator) * shifted for _ in range(3)], 1),
    )
    x = blur(x, uniform(0.0, 2.0, n, generator) * half() * (x.shape[-1] / 128))
    x = noise(x, uniform(0.0, 0.08, n, generator) * half(), generator)
    quality = torch.randint(20, 90, (n,), generator=generator)
    pressed = half().nonzero().flatten()
    if len(pressed):
        x[pressed] = jpeg(x[pressed], quality[pressed].tolist())
    return x


def contrastive_loss(
    first: Tensor, second: Tensor, temperature: float, entropy_weight: float
) -> dict[str, Tensor]:
    """InfoNCE over two copies a picture, and the entropy term; both inputs are [n, d], unit length.

    ``entropy`` is −mean log distance to the nearest descriptor of another picture: lower is wider.
    """
    n = len(first)
    both = torch.cat([first, second])  # [2n, d]
    likeness = both @ both.T
    own = torch.eye(n, dtype=torch.bool, device=both.device).repeat(2, 2)  # itself and its copy
    itself = torch.eye(2 * n, dtype=torch.bool, device=both.device)
    partner = torch.arange(2 * n, device=both.device).roll(n)
    logits = likeness.masked_fill(itself, -torch.inf) / temperature
    contrast = F.cross_entropy(logits, partner)
    nearest = likeness.detach().masked_fill(own, -2).argmax(1)
    entropy = -(both - both[nearest]).norm(dim=1).clamp_min(1e-6).log().mean()
    return {
        "loss": contrast + entropy_weight * entropy,
        "contrast": contrast,
        "entropy": entropy,
    }


def preprocessing(pictures: Tensor) -> Preprocessing:
    """The size that a world of ``pictures`` [n, 3, s, s] is trained and measured at."""
    return Preprocessing(size=pictures.shape[-1], square=True)


def train(
    pictures: Tensor, settings: Descriptor, *, data_key: str, scratch: Path, log: Path
) -> Network:
    """Descriptor trained on ``pictures``: uint8 [n, 3, s, s], all different from one another."""
    network = build(settings).to(device())
    ready = preprocessing(pictures)
    batch = min(settings.batch, len(pictures))

    def loss(step: int, generator: torch.Generator) -> Mapping[str, Tensor]:
        chosen = torch.randperm(len(pictures), generator=generator)[:batch]
        x = pictures[chosen].to(device()).float() / 255
        # Copies are looked for among whole pictures: one of the two stays nearly whole.
        copies = torch.cat([edited(x, generator), edited(x, generator, least=0.8)])
        first, second = network(ready.normalise(copies)).chunk(2)
        return contrastive_loss(first, second, settings.temperature, settings.entropy_weight)

    warmup = min(100, settings.steps // 10)
    schedule = Schedule(settings.steps, settings.learning_rate, settings.seed, warmup=warmup)
    fit("descriptor", network, loss, schedule, data_key=data_key, scratch=scratch, log=log)
    return network


def save(network: Network, folder: Path, *, size: int) -> Path:
    """Write ``network`` as TorchScript, the format of the published SSCD, and its card.

    ``size`` is that of the pictures it was trained on. Returns the file.
    """
    network = network.cpu().eval()
    file = io.BytesIO()  # a file's name would become part of its bytes
    with warnings.catch_warnings():
        # Deprecated, but it is what the published descriptors come in.
        warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
        traced = torch.jit.trace(network, torch.zeros(2, 3, size, size))
        torch.jit.save(torch.jit.freeze(traced), file)
    path = folder / FILE
    write_whole(path, _without_source_paths(file.getvalue()))
    write_card(
        path,
        {
            "name": "lab-descriptor",
            "label": LAB_WEIGHTS,
            "source": "trained in the lab after Pizzi et al., CVPR 2022",
            "dimensions": network.projection.out_features,
            **Preprocessing(size=size, square=True).entries(),
        },
    )
    return path


def _without_source_paths(archive: bytes) -> bytes:
    """TorchScript archive without its debug records, which name files of this very machine."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            if not name.endswith(".debug_pkl"):
                new.writestr(zipfile.ZipInfo(name), old.read(name))
    return out.getvalue()


def _colour_shift(x: Tensor, generator: torch.Generator) -> Tensor:
    n = len(x)
    return colour(
        x,
        brightness=uniform(-0.15, 0.15, n, generator),
        contrast=uniform(0.7, 1.3, n, generator),
        saturation=uniform(0.4, 1.6, n, generator),
        cast=torch.stack([uniform(0.75, 1.25, n, generator) for _ in range(3)], 1),
    )


def _cropped(share: float) -> Edit:
    def cropped(x: Tensor, generator: torch.Generator) -> Tensor:
        n = len(x)
        right, down = uniform(-1, 1, n, generator), uniform(-1, 1, n, generator)
        return crop(x, torch.full((n,), share), right, down)

    return cropped


# What the lab report measures. A crop keeps that share of the area, anywhere in the picture.
EDITS: dict[str, Edit] = {
    "crop to 80 %": _cropped(0.8),
    "crop to 65 %": _cropped(0.65),
    "crop to 50 %": _cropped(0.5),
    "jpeg 40": lambda x, _: jpeg(x, [40] * len(x)),
    "flip": lambda x, _: x.flip(-1),
    "colour shift": _colour_shift,
}


def recall(
    embed: Callable[[Tensor], Tensor], pictures: Tensor, edits: Mapping[str, Edit] = EDITS
) -> dict[str, float]:
    """Share of edited copies whose nearest picture is their own, for each kind of edit.

    ``embed`` maps uint8 [n, 3, s, s] to descriptors [n, d]; ``pictures`` are both the originals
    that are copied and the ones to find them among.
    """
    originals = embed(pictures)
    own = torch.arange(len(pictures))
    found = {}
    for name, edit in edits.items():
        copies = edit(pictures.float() / 255, generator_of("descriptor recall", name))
        nearest = cosines(embed((copies * 255).round().to(torch.uint8)), originals).argmax(1)
        found[name] = (nearest == own).double().mean().item()
    return found
