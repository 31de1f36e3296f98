"""Read pickled weights, where they are allowed: scan them, then read them as weights only.

picklescan reports beforehand what the file would call. torch's ``weights_only`` reader then builds
tensors and plain containers and calls nothing else. Files of PyTorch Lightning name classes of
Lightning beside the weights; each is read as an empty object, so that none of its code runs.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picklescan.scanner import scan_file_path

from seedwitness.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger(__name__)

HARMLESS = re.compile(
    r"(pytorch_lightning|lightning|lightning_fabric|lightning_utilities|omegaconf|numpy|typing|"
    r"collections|argparse)(\..*)?"
)
"""Modules of training records beside the weights: what they name is read as an empty object."""
NESTED = ("state_dict", "model", "params_ema", "params")
"""Entries of a pickle that hold the weights."""
MAX_DEPTH = 4


class _Ignored:
    """Stands for an object of a training record; takes whatever the pickle gives to it."""

    def __new__(cls, *arguments: Any, **named: Any) -> _Ignored:
        return super().__new__(cls)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, value: Any) -> None:
        """Take an element and forget it."""

    def extend(self, values: Any) -> None:
        """Take elements and forget them."""


def read_pickle_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Read the tensor shapes in a pickle by name.

    Raises CheckpointError if the scan finds dangerous calls, or if it holds more than weights.
    """
    return {
        key: tuple(value.shape) for key, value in read_pickled_weights(path, device="meta").items()
    }


def read_pickled_weights(path: Path, device: str = "cpu") -> dict[str, Tensor]:
    """Read the tensors in a pickle by name, after a scan. Raises as ``read_pickle_shapes``."""
    import torch

    scan_pickle(path)
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # an older format, in which they are not listed; or a broken file
        names = []
    unknown = [name for name in names if not HARMLESS.fullmatch(name.rpartition(".")[0])]
    if unknown:
        raise CheckpointError(
            f"{path} holds more than weights: it names {', '.join(sorted(unknown)[:3])}, which is "
            "neither a tensor nor a known training record, so it is not read. Ask its author for a "
            "safetensors file."
        )
    ignored: list[Any] = [(type(name, (_Ignored,), {}), name) for name in names]
    try:
        with torch.serialization.safe_globals(ignored):
            state = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # a broken or hostile file may raise anything
        raise CheckpointError(
            f"{path} cannot be read as weights only ({describe_briefly(error)}): it is damaged, or "
            "holds more than weights. Fetch it again, or ask its author for a safetensors file."
        ) from error
    for name in NESTED:
        for _ in range(MAX_DEPTH):
            if isinstance(state, dict) and isinstance(state.get(name), dict):
                state = state[name]
    if tensors := dict(_iter_tensors(state)):
        return tensors
    raise CheckpointError(f"{path} holds no tensors by name, so it is no checkpoint.")


def _iter_tensors(state: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """The tensors in nested containers, by the names of their entries with points between."""
    import torch

    entries: list[tuple[Any, Any]] = []
    if isinstance(state, dict):
        entries = list(state.items())
    elif isinstance(state, list | tuple):
        entries = list(enumerate(state))
    for key, value in entries:
        if isinstance(value, torch.Tensor):
            yield f"{prefix}{key}", value
        elif depth < MAX_DEPTH:
            yield from _iter_tensors(value, f"{prefix}{key}.", depth + 1)


def describe_briefly(error: Exception) -> str:
    """The type of another library's error and the first line of its message, without colours.

    torch's message on pickles advises to switch its protection off, in its later lines.
    """
    lines = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().splitlines()
    first = lines[0] if lines else ""
    if "weights_only" in first or "Weights only load failed" in first:
        first = "torch refuses what it would call"
    return f"{type(error).__name__}: {first[:160]}".rstrip(": .")


def scan_pickle(path: Path) -> None:
    """Raise CheckpointError if picklescan finds dangerous calls; log what was done."""
    logging.getLogger("picklescan").setLevel(logging.CRITICAL)  # its findings are in our error
    try:
        result = scan_file_path(str(path))
    except Exception as error:  # a broken file may raise anything
        raise CheckpointError(
            f"{path} cannot be scanned ({describe_briefly(error)}), so it is not read. Fetch it "
            "again, or ask its author for a safetensors file."
        ) from error
    dangerous = [call for call in result.globals if call.safety.name == "Dangerous"]
    if result.infected_files or result.scan_err:
        calls = ", ".join(f"{call.module}.{call.name}" for call in dangerous) or "an unknown thing"
        raise CheckpointError(
            f"{path} is dangerous or cannot be scanned: reading it as a pickle would call {calls}. "
            "It was not read. Delete it, and ask its author for a safetensors file."
        )
    logger.warning(
        "%s is a pickle: it is read as weights only, and picklescan found nothing dangerous.", path
    )
