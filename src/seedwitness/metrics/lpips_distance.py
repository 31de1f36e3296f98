"""LPIPS (Zhang et al., CVPR 2018): distance of deep features, published weights or the lab's.

Lower is closer, from 0 up. The literature agrees on no copy threshold. Scores of different weights
cannot be compared: the name says which they are.
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
from seedwitness.metrics import GIVEN_WEIGHTS, LAB_WEIGHTS, PUBLISHED_WEIGHTS, MetricInfo
from seedwitness.metrics.weights import read_card, require
from seedwitness.runtime.files import sha256_file

VERSION = "1"
SOURCE = "Zhang et al., CVPR 2018"

# Trunks as torchvision publishes them; the heads come inside the lpips package.
TRUNKS = {
    "alex": "alexnet-owt-7be5be79.pth",
    "squeeze": "squeezenet1_1-b8a52dc0.pth",
    "vgg": "vgg16-397923af.pth",
}
TRUNKS_URL = "https://download.pytorch.org/models/"


def network(net: str, *, published_heads: bool = False, tune: bool = False) -> nn.Module:
    """An ``lpips.LPIPS`` whose trunk has random weights yet; nothing is fetched.

    ``net`` is "alex", "squeeze" or "vgg"; ``tune`` leaves the trunk trainable.
    """
    with warnings.catch_warnings():
        # lpips asks torchvision by a keyword of before 2022.
        warnings.filterwarnings("ignore", "The parameter 'pretrained'", UserWarning)
        warnings.filterwarnings("ignore", "Arguments other than a weight enum", UserWarning)
        model: nn.Module = lpips.LPIPS(
            pretrained=published_heads,
            net=net,
            pnet_rand=True,
            pnet_tune=tune,
            use_dropout=published_heads,
            verbose=False,
        )
    return model


def distances(model: nn.Module, first: Tensor, second: Tensor) -> Tensor:
    """LPIPS of pictures in [-1, 1], pair by pair: two [n, 3, height, width] to [n]."""
    apart: Tensor = model(first, second).flatten()
    return apart


@dataclass(frozen=True)
class LpipsDistance:
    """A loaded LPIPS network and what is known of its scores."""

    model: nn.Module
    info: MetricInfo
    device: torch.device


@torch.no_grad()
def scores(lpips_: LpipsDistance, pictures: Tensor, references: Tensor, batch: int = 32) -> Tensor:
    """LPIPS of each picture with the reference of the same row: two uint8 stacks to [n].

    A single reference is compared with all of them, and goes through the network once a batch.
    """
    shown = pictures.split(batch)
    beside = [references] * len(shown) if len(references) == 1 else references.split(batch)
    parts = [
        distances(lpips_.model, *(x.to(lpips_.device).float() / 127.5 - 1 for x in pair)).cpu()
        for pair in zip(shown, beside, strict=True)
    ]
    return torch.cat(parts)


def load_lab(weights: Path, device: str | torch.device = "cpu") -> LpipsDistance:
    """LPIPS with weights of the lab's own: a safetensors file and the card beside it."""
    how = "`make lab` trains it."
    require(weights, "The lab's LPIPS network", how)
    card = read_card(weights, ("name", "net"), how)
    model = network(card["net"])
    try:
        state = {name: value.float() for name, value in load_file(weights).items()}
        missing, unexpected = model.load_state_dict(state, strict=False)
        # `lins` names the heads a second time.
        foreign = unexpected + [name for name in missing if not name.startswith("lins.")]
        if foreign:
            raise RuntimeError(f"missing or unknown: {', '.join(foreign)}")
    except (SafetensorError, RuntimeError) as error:
        raise CheckpointError(
            f"{weights} holds no LPIPS on {card['net']}: {error}. {how}"
        ) from error
    info = _info(card["name"], LAB_WEIGHTS, card["sha256"], "trained in the lab after " + SOURCE)
    return LpipsDistance(model.to(device).eval(), info, torch.device(device))


def load_published(trunk: Path, net: str, device: str | torch.device = "cpu") -> LpipsDistance:
    """LPIPS as published: torchvision's trunk ``net`` from a file, heads v0.1 of the package.

    Called published only where the file has the hash that torchvision's name for it ends in.
    """
    if net not in TRUNKS:
        raise CheckpointError(f"LPIPS knows no trunk {net!r}, only {', '.join(TRUNKS)}.")
    how = f"Fetch it: curl -L -o {trunk} {TRUNKS_URL}{TRUNKS[net]}"
    require(trunk, f"The {net} trunk of LPIPS", how)
    model: Any = network(net, published_heads=True)
    try:
        state = torch.load(trunk, map_location="cpu", weights_only=True)
        for slice_ in model.net.children():
            for number, layer in slice_.named_children():
                own = f"features.{number}."
                layer.load_state_dict(
                    {name.removeprefix(own): v for name, v in state.items() if name.startswith(own)}
                )
    except Exception as error:  # torch.load raises whatever the broken file makes it meet
        raise CheckpointError(f"{trunk} is no {net} of torchvision: {error}. {how}") from error
    sha256 = sha256_file(trunk)
    digits = TRUNKS[net].rpartition("-")[2].partition(".")[0]  # torchvision's names end in them
    label = PUBLISHED_WEIGHTS if sha256.startswith(digits) else GIVEN_WEIGHTS
    info = _info(f"lpips-{net}", label, sha256, SOURCE)
    return LpipsDistance(model.to(device).eval(), info, torch.device(device))


def _info(name: str, label: str, sha256: str, source: str) -> MetricInfo:
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
