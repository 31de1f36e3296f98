"""Compute the cosine of copy-detection descriptors (SSCD: Pizzi et al., CVPR 2022).

The descriptor is any TorchScript file. Higher is closer, in [-1, 1]. For the published
``sscd_disc_mixup``, 0.75 corresponds to 90 % precision on DISC (its README), and Somepalli et al.
(CVPR 2023) call scores above 0.5 copies. The lab's own weights have no such threshold; theirs is
measured on controls.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from seedwitness.imaging.alignment import resize_batch
from seedwitness.metrics import UNVERIFIED_WEIGHTS, MetricInfo
from seedwitness.metrics.weights import card_path, load_torchscript, read_card, require_file
from seedwitness.runtime.devices import full_precision
from seedwitness.runtime.hashes import sha256_file

VERSION = "1"
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PUBLISHED_URL = "https://dl.fbaipublicfiles.com/sscd-copy-detection/"


@dataclass(frozen=True)
class Preprocessing:
    """Preprocessing of a picture: resize by Pillow's bilinear filter, then normalise.

    ``square`` stretches the picture to size × size pixels, else its shorter side becomes ``size``.
    """

    size: int
    square: bool
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def __call__(self, pictures: Tensor) -> Tensor:
        """Resize and normalise: uint8 [n, 3, height, width] to float [n, 3, h, w]."""
        height, width = pictures.shape[-2:]
        shorter = min(height, width)
        size = (int(self.size * height / shorter), int(self.size * width / shorter))
        if self.square:
            size = (self.size, self.size)
        return self.normalise(resize_batch(pictures, *size).to(pictures.device).float() / 255)

    def normalise(self, x: Tensor) -> Tensor:
        """Normalise pictures [n, 3, h, w] in [0, 1] that have the right size already."""
        mean, std = x.new_tensor(self.mean), x.new_tensor(self.std)
        return (x - mean[:, None, None]) / std[:, None, None]

    def make_card_entries(self) -> dict[str, object]:
        """Make the entries of a weights card that describe the preprocessing."""
        return {
            "size": self.size,
            "square": self.square,
            "mean": list(self.mean),
            "std": list(self.std),
        }


# Published files, with the preprocessing of their README: shorter side 288.
PUBLISHED_PREPROCESSING = {
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


def compute_cosines(first: Tensor, second: Tensor) -> Tensor:
    """Compute the cosine of every pair of rows: [n, d] and [m, d] to [n, m]."""
    return F.normalize(first, dim=-1) @ F.normalize(second, dim=-1).T


@dataclass(frozen=True)
class Descriptor:
    """A loaded descriptor: network, preprocessing and the record of its scores."""

    network: torch.jit.ScriptModule
    preprocessing: Preprocessing
    info: MetricInfo
    device: torch.device

    @full_precision()
    @torch.no_grad()
    def embed(self, pictures: Tensor, batch_size: int = 64) -> Tensor:
        """Compute descriptors of unit length: uint8 [n, 3, height, width] to [n, d]."""
        parts = [
            self.network(self.preprocessing(part.to(self.device))).float().cpu()
            for part in pictures.split(batch_size)
        ]
        return F.normalize(torch.cat(parts), dim=-1)


def score_pairs(
    descriptor: Descriptor, pictures: Tensor, references: Tensor, batch_size: int = 64
) -> Tensor:
    """Score each picture against the reference of its row: two uint8 stacks to cosines [n]."""
    products = descriptor.embed(pictures, batch_size) * descriptor.embed(references, batch_size)
    return products.sum(-1)


def load_descriptor(weights: Path, device: str | torch.device = "cpu") -> Descriptor:
    """Load a descriptor from a TorchScript file and the card beside it.

    A published SSCD file needs no card: its name, which is trusted, determines the preprocessing.
    Raises CheckpointError if the file or the card is missing or they do not belong together.
    """
    published_name = weights.name.split(".")[0]
    if published_name in PUBLISHED_PREPROCESSING:
        remedy = f"Fetch it: curl -L -o {weights} {PUBLISHED_URL}{published_name}.torchscript.pt"
    else:
        remedy = f"Published descriptors are at {PUBLISHED_URL}; `make lab` trains the lab's own."
    require_file(weights, "The copy-detection descriptor", remedy)
    if published_name in PUBLISHED_PREPROCESSING and not card_path(weights).exists():
        preprocessing = PUBLISHED_PREPROCESSING[published_name]
        info = MetricInfo(
            name=published_name,
            version=VERSION,
            label=UNVERIFIED_WEIGHTS,
            weights_sha256=sha256_file(weights),
            higher_is_closer=True,
            lowest=-1.0,
            highest=1.0,
            copy_threshold=0.75 if published_name == "sscd_disc_mixup" else None,
            source="Pizzi et al., CVPR 2022",
        )
    else:
        card = read_card(weights, ("name", "label", "size", "square", "mean", "std"), remedy)
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
    torch_device = torch.device(device)
    network = load_torchscript(weights, torch_device, remedy)
    return Descriptor(network, preprocessing, info, torch_device)
