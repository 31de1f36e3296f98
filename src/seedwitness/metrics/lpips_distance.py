"""Compute LPIPS (Zhang et al., CVPR 2018), a distance of deep features.

Lower is closer, from 0 without an upper bound. The literature agrees on no copy threshold. The
weights are the published ones or the lab's; their scores cannot be compared, so the metric's name
states the weights.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lpips
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from seedwitness.errors import CheckpointError
from seedwitness.metrics import LAB_WEIGHTS, PUBLISHED_WEIGHTS, UNVERIFIED_WEIGHTS, MetricInfo
from seedwitness.metrics.weights import read_card, require_file
from seedwitness.runtime.devices import full_precision
from seedwitness.runtime.hashes import sha256_file

VERSION = "1"
SOURCE = "Zhang et al., CVPR 2018"

# Trunks as torchvision publishes them; the heads come inside the lpips package.
TRUNKS = {
    "alex": "alexnet-owt-7be5be79.pth",
    "squeeze": "squeezenet1_1-b8a52dc0.pth",
    "vgg": "vgg16-397923af.pth",
}
TRUNKS_URL = "https://download.pytorch.org/models/"


def make_network(
    net: str, *, published_heads: bool = False, trainable_trunk: bool = False
) -> nn.Module:
    """Make an ``lpips.LPIPS`` whose trunk still has random weights; nothing is downloaded.

    ``net`` is "alex", "squeeze" or "vgg"; ``trainable_trunk`` leaves the trunk trainable.
    """
    with warnings.catch_warnings():
        # lpips calls torchvision with a keyword that was deprecated in 2022.
        warnings.filterwarnings("ignore", "The parameter 'pretrained'", UserWarning)
        warnings.filterwarnings("ignore", "Arguments other than a weight enum", UserWarning)
        model: nn.Module = lpips.LPIPS(
            pretrained=published_heads,
            net=net,
            pnet_rand=True,
            pnet_tune=trainable_trunk,
            use_dropout=published_heads,
            verbose=False,
        )
    return model


def compute_distances(model: nn.Module, first: Tensor, second: Tensor) -> Tensor:
    """Compute LPIPS of pictures in [-1, 1], pair by pair: two [n, 3, height, width] to [n]."""
    values: Tensor = model(first, second).flatten()
    return values


@dataclass(frozen=True)
class LpipsDistance:
    """A loaded LPIPS network and the record of its scores."""

    model: nn.Module
    info: MetricInfo
    device: torch.device


@full_precision()
@torch.no_grad()
def score_pairs(
    lpips_: LpipsDistance, pictures: Tensor, references: Tensor, batch_size: int = 32
) -> Tensor:
    """Score each picture against the reference of its row: two uint8 stacks to LPIPS [n].

    A single reference is compared with all pictures; the network evaluates it once per batch.
    """
    picture_batches = pictures.split(batch_size)
    reference_batches = (
        [references] * len(picture_batches)
        if len(references) == 1
        else references.split(batch_size)
    )
    parts = [
        compute_distances(
            lpips_.model, *(batch.to(lpips_.device).float() / 127.5 - 1 for batch in pair)
        ).cpu()
        for pair in zip(picture_batches, reference_batches, strict=True)
    ]
    return torch.cat(parts)


def load_lab(weights: Path, device: str | torch.device = "cpu") -> LpipsDistance:
    """Load LPIPS with the lab's weights: a safetensors file and the card beside it."""
    remedy = "`make lab` trains it."
    require_file(weights, "The lab's LPIPS network", remedy)
    card = read_card(weights, ("name", "net"), remedy)
    model = make_network(card["net"])
    try:
        state = {name: value.float() for name, value in load_file(weights).items()}
        missing, unexpected = model.load_state_dict(state, strict=False)
        # `lins` lists the heads a second time.
        mismatches = unexpected + [name for name in missing if not name.startswith("lins.")]
        if mismatches:
            raise RuntimeError(f"missing or unknown: {', '.join(mismatches)}")
    except (SafetensorError, RuntimeError) as error:
        raise CheckpointError(
            f"{weights} holds no LPIPS on {card['net']}: {error}. {remedy}"
        ) from error
    source = f"trained in the lab after {SOURCE}"
    info = _make_info(card["name"], LAB_WEIGHTS, card["sha256"], source)
    return LpipsDistance(model.to(device).eval(), info, torch.device(device))


def load_published(trunk: Path, net: str, device: str | torch.device = "cpu") -> LpipsDistance:
    """Load LPIPS as published: torchvision's trunk ``net`` from a file, heads v0.1 of the package.

    The label is "published weights" only if the file's hash begins with the digits in
    torchvision's file name.
    """
    if net not in TRUNKS:
        raise CheckpointError(f"LPIPS has no trunk {net!r}, only {', '.join(TRUNKS)}.")
    remedy = f"Fetch it: curl -L -o {trunk} {TRUNKS_URL}{TRUNKS[net]}"
    require_file(trunk, f"The {net} trunk of LPIPS", remedy)
    model: Any = make_network(net, published_heads=True)
    try:
        state = torch.load(trunk, map_location="cpu", weights_only=True)
        for slice_ in model.net.children():
            for number, layer in slice_.named_children():
                prefix = f"features.{number}."
                layer_state = {
                    name.removeprefix(prefix): value
                    for name, value in state.items()
                    if name.startswith(prefix)
                }
                layer.load_state_dict(layer_state)
    except Exception as error:  # torch.load may raise anything for a broken file
        raise CheckpointError(f"{trunk} is not torchvision's {net}: {error}. {remedy}") from error
    sha256 = sha256_file(trunk)
    # torchvision's file names end in the first digits of the hash.
    digits = TRUNKS[net].rpartition("-")[2].partition(".")[0]
    label = PUBLISHED_WEIGHTS if sha256.startswith(digits) else UNVERIFIED_WEIGHTS
    info = _make_info(f"lpips-{net}", label, sha256, SOURCE)
    return LpipsDistance(model.to(device).eval(), info, torch.device(device))


def _make_info(name: str, label: str, sha256: str, source: str) -> MetricInfo:
    return MetricInfo(
        name=name,
        version=VERSION,
        label=label,
        weights_sha256=sha256,
        higher_is_closer=False,
        lowest=0.0,
        highest=None,
        copy_threshold=None,
        source=source,
    )
