"""Weights on disk: a file and, beside it, the JSON card that says what it is and how to use it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seedwitness.errors import CheckpointError
from seedwitness.runtime.files import sha256_file, write_whole


def card_file(weights: Path) -> Path:
    """Where the card of ``weights`` lies: the same name, ending in ``.json``."""
    return weights.with_suffix(".json")


def write_card(weights: Path, entries: Mapping[str, object]) -> None:
    """Write the card of ``weights``: ``entries`` and the SHA-256 of the file."""
    card = {**entries, "sha256": sha256_file(weights)}
    write_whole(card_file(weights), json.dumps(card, indent=2) + "\n")


def require(path: Path, what: str, how: str) -> None:
    """Raise CheckpointError where ``path`` is missing; ``how`` tells the way to get it."""
    if not path.exists():
        raise CheckpointError(f"{what} is missing: there is no {path}. {how}")


def read_card(weights: Path, keys: tuple[str, ...], how: str) -> dict[str, Any]:
    """The card of ``weights``, checked: readable, with all ``keys``, and of this very file.

    Raises CheckpointError otherwise; ``how`` tells the way to get the pair again.
    """
    file = card_file(weights)
    require(file, f"The card that says how to use {weights.name}", how)
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{file} is no JSON: {error}. {how}") from error
    missing = {"sha256", *keys} - set(card if isinstance(card, dict) else ())
    if missing:
        raise CheckpointError(f"{file} lacks {', '.join(sorted(missing))}. {how}")
    actual = sha256_file(weights)
    if card["sha256"] != actual:
        raise CheckpointError(
            f"{weights} is not the file that its card {file.name} describes: its SHA-256 is "
            f"{actual}, the card says {card['sha256']}. {how}"
        )
    return dict(card)


def scripted(weights: Path, device: torch.device, how: str) -> torch.jit.ScriptModule:
    """A network from a TorchScript file. Raises CheckpointError, with ``how``, where it is none."""
    try:
        with warnings.catch_warnings():
            # Some are published as TorchScript, so it has to be read for as long as torch can.
            warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
            network: torch.jit.ScriptModule = torch.jit.load(str(weights), map_location=device)
    except RuntimeError as error:
        raise CheckpointError(
            f"{weights} is no TorchScript file that torch can read. {how}"
        ) from error
    return network.eval()


def half_precision(model: nn.Module) -> dict[str, Tensor]:
    """State of ``model`` for the disk: parameters in float16, buffers as they are, on the CPU.

    Where two names share a tensor, the first one has it: safetensors holds each once.
    """
    state: dict[str, Tensor] = {
        name: value.detach().half().cpu().contiguous() for name, value in model.named_parameters()
    }
    kept = model.state_dict()
    for name, value in model.named_buffers():
        if name in kept:
            state[name] = value.detach().cpu().contiguous()
    return state
