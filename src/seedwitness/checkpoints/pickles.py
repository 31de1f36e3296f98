"""Read pickled weights, if the settings allow them: scan them, then read them as weights only.

torch's ``weights_only`` reader builds tensors and plain containers and calls nothing else. The scan
by picklescan, if it is installed, reports beforehand what the file would have called.
"""

from __future__ import annotations

import logging
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from seedwitness.checkpoints.layout import make_checkpoint_error
from seedwitness.config.inputs import CheckpointSettings

logger = logging.getLogger(__name__)


def read_pickle_shapes(settings: CheckpointSettings, path: Path) -> dict[str, tuple[int, ...]]:
    """Read the tensor shapes in a pickle by name.

    Raises CheckpointError if the scan finds dangerous calls, or if it holds more than weights.
    """
    import torch

    scan_pickle(settings, path)
    try:
        state = torch.load(path, map_location="meta", weights_only=True)
        state = state.get("state_dict", state)
        return {key: tuple(value.shape) for key, value in state.items() if hasattr(value, "shape")}
    except Exception as error:  # a broken or hostile file may raise anything
        raise make_checkpoint_error(
            settings, f"{path} cannot be read as weights only: {error}."
        ) from error


def scan_pickle(settings: CheckpointSettings, path: Path) -> None:
    """Raise CheckpointError if picklescan finds dangerous calls; log what was done.

    Without picklescan, ``weights_only`` is the only protection.
    """
    outcome = "picklescan is not installed, so it was not scanned"
    if find_spec("picklescan") is not None:
        result = import_module("picklescan.scanner").scan_file_path(str(path))
        if result.infected_files or result.scan_err:
            calls = ", ".join(f"{call.module}.{call.name}" for call in result.globals)
            raise make_checkpoint_error(
                settings,
                f"{path} is dangerous or cannot be scanned: it would call {calls or '?'}.",
            )
        outcome = "picklescan found nothing dangerous"
    logger.warning("%s is a pickle: it is read as weights only, and %s.", path, outcome)
