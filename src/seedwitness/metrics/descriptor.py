"""Cosine of copy-detection descriptors (SSCD: Pizzi et al., CVPR 2022), any TorchScript file.

Higher is closer, in [-1, 1]. For the published ``sscd_disc_mixup`` 0.75 stands for 90 % precision
on DISC (its README), and Somepalli et al. (CVPR 2023) call copies what is above 0.5. Weights of the
lab's own have no such threshold: theirs is measured on controls.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from seedwitness.imaging.alignment import resized
from seedwitness.metrics import GIVEN_WEIGHTS, MetricInfo
from seedwitness.metrics.weights import card_file, read_card, require, scripted
from seedwitness.runtime.files import sha256_file

VERSION = "1"
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PUBLISHED_URL = "https://dl.fbaipublicfiles.com/sscd-copy-detection/"


@dataclass(frozen=True)
class Preprocessing:
    """How a picture is made ready: size in pixels, by Pillow's bilinear, then normalised.

    ``square`` stretches it to size × size, else its shorter side becomes ``size``.
    """

    size: int
    square: bool
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def __call__(self, pictures: Tensor) -> Tensor:
        """uint8 [n, 3, height, width] to float [n, 3, h, w]."""
        height, width = pictures.shape[-2:]
        shorter = min(height, width)
        target = (int(self.size * height / shorter), int(self.size * width / shorter))
        if self.square:
            target = (self.size, self.size)
        return self.normalise(resized(pictures, *target).to(pictures.device).float() / 255)

    def normalise(self, x: Tensor) -> Tensor:
        """Only the last step, for pictures [n, 3, h, w] in [0, 1] that have their size already."""
        mean, std = x.new_tensor(self.mean), x.new_tensor(self.std)
        return (x - mean[:, None, None]) / std[:, None, None]

    def entries(self) -> dict[str, object]:
        """What a card says of it."""
        return {
            "size": self.size,
            "square": self.square,
            "mean": list(self.mean),
            "std": list(self.std),
        }


# The published files, as their README says to use them: shorter side 288.
PUBLISHED = {
    name: Preprocessing(size=288, square=False)
    for name in (
        "sscd_disc_mixup",
        "sscd_disc_large",
        "sscd_disc_advanced",
        "sscd_disc_blur",
        "sscd_imagenet_mixup",
        "sscd_imagenet_advanced",
        "sscd_imagenet_blur",
    )
}


def cosines(first: Tensor, second: Tensor) -> Tensor:
    """Cosine of every pair of rows: [n, d] and [m, d] to [n, m]."""
    return F.normalize(first, dim=-1) @ F.normalize(second, dim=-1).T


@dataclass(frozen=True)
class Descriptor:
    """A loaded descriptor: network, preprocessing and what is known of its scores."""

    network: torch.jit.ScriptModule
    preprocessing: Preprocessing
    info: MetricInfo
    device: torch.device

    @torch.no_grad()
    def embed(self, pictures: Tensor, batch: int = 64) -> Tensor:
        """Descriptors of unit length: uint8 [n, 3, height, width] to [n, d]."""
        parts = [
            self.network(self.preprocessing(part.to(self.device))).float().cpu()
            for part in pictures.split(batch)
        ]
        return F.normalize(torch.cat(parts), dim=-1)


def scores(descriptor: Descriptor, pictures: Tensor, references: Tensor, batch: int = 64) -> Tensor:
    """Cosine of each picture with the reference of the same row: two uint8 stacks to [n]."""
    pairs = descriptor.embed(pictures, batch) * descriptor.embed(references, batch)
    return pairs.sum(-1)


def load(weights: Path, device: str | torch.device = "cpu") -> Descriptor:
    """Descriptor from a TorchScript file and the card beside it.

    A published SSCD file needs no card: its name says how to use it, and is believed. Raises
    CheckpointError where the file or card is missing or they do not belong together.
    """
    published = weights.name.split(".")[0]
    if published in PUBLISHED:
        how = f"Fetch it: curl -L -o {weights} {PUBLISHED_URL}{published}.torchscript.pt"
    else:
        how = f"Published descriptors lie at {PUBLISHED_URL}; `make lab` trains the lab's own."
    require(weights, "The copy-detection descriptor", how)
    if published in PUBLISHED and not card_file(weights).exists():
        preprocessing = PUBLISHED[published]
        info = MetricInfo(
            name=published,
            version=VERSION,
            label=GIVEN_WEIGHTS,
            weights_sha256=sha256_file(weights),
            higher_is_closer=True,
            lowest=-1.0,
            highest=1.0,
            copy_threshold=0.75 if published == "sscd_disc_mixup" else None,
            source="Pizzi et al., CVPR 2022",
        )
    else:
        card = read_card(weights, ("name", "label", "size", "square", "mean", "std"), how)
        preprocessing = Preprocessing(
            card["size"], card["square"], tuple(card["mean"]), tuple(card["std"])
        )
        info = MetricInfo(
            name=card["name"],
            version=VERSION,
            label=card["label"],
            weights_sha256=card["sha256"],
            higher_is_closer=True,
            lowest=-1.0,
            highest=1.0,
            copy_threshold=card.get("copy_threshold"),
            source=card.get("source", "Pizzi et al., CVPR 2022"),
        )
    place = torch.device(device)
    network = scripted(weights, place, how)
    return Descriptor(network, preprocessing, info, place)
