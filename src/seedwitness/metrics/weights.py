"""Read and write weights: a file and, beside it, the JSON card that describes it and its use."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seedwitness.errors import CheckpointError
from seedwitness.runtime.files import write_whole
from seedwitness.runtime.hashes import sha256_file


def card_path(weights: Path) -> Path:
    """Return the path of the card of ``weights``: the same name with the suffix ``.json``."""
    return weights.with_suffix(".json")


def write_card(weights: Path, entries: Mapping[str, object]) -> None:
    """Write the card of ``weights``: ``entries`` and the SHA-256 of the file."""
    card = {**entries, "sha256": sha256_file(weights)}
    write_whole(card_path(weights), json.dumps(card, indent=2) + "\n")


def require_file(path: Path, description: str, remedy: str) -> None:
    """Raise CheckpointError if ``path`` is missing; ``remedy`` says how to get it."""
    if not path.exists():
        raise CheckpointError(f"{description} is missing: there is no {path}. {remedy}")


def read_card(weights: Path, keys: tuple[str, ...], remedy: str) -> dict[str, Any]:
    """Read the card of ``weights``; check that it has all ``keys`` and the hash of this file.

    Raises CheckpointError otherwise; ``remedy`` says how to get the pair again.
    """
    file = card_path(weights)
    require_file(file, f"The card that says how to use {weights.name}", remedy)
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{file} is not JSON: {error}. {remedy}") from error
    missing = {"sha256", *keys} - set(card if isinstance(card, dict) else ())
    if missing:
        raise CheckpointError(f"{file} lacks {', '.join(sorted(missing))}. {remedy}")
    actual = sha256_file(weights)
    if card["sha256"] != actual:
        raise CheckpointError(
            f"{weights} is not the file that its card {file.name} describes: its SHA-256 is "
            f"{actual}, the card says {card['sha256']}. {remedy}"
        )
    return dict(card)


def load_torchscript(weights: Path, device: torch.device, remedy: str) -> torch.jit.ScriptModule:
    """Load a network from a TorchScript file. Raises CheckpointError with ``remedy`` on failure."""
    try:
        with warnings.catch_warnings():
            # Deprecated in torch, but some descriptors are published only as TorchScript.
            warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
            network: torch.jit.ScriptModule = torch.jit.load(str(weights), map_location=device)
    except RuntimeError as error:
        raise CheckpointError(
            f"{weights} is not a TorchScript file that torch can read. {remedy}"
        ) from error
    return network.eval()


def make_half_precision_state(model: nn.Module) -> dict[str, Tensor]:
    """Make the state of ``model`` for storage: float16 parameters, unchanged buffers, on the CPU.

    A tensor that has two names is stored under the first: safetensors stores each tensor once.
    """
    state: dict[str, Tensor] = {
        name: value.detach().half().cpu().contiguous() for name, value in model.named_parameters()
    }
    full_state = model.state_dict()
    for name, value in model.named_buffers():
        if name in full_state:
            state[name] = value.detach().cpu().contiguous()
    return state
