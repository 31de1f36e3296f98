"""Weights that are pickles, where the settings allow them: scanned, then read as weights only.

torch's ``weights_only`` reader builds tensors and plain containers and calls nothing else. The
scan by picklescan, where it is installed, says beforehand what the file would have called.
"""

from __future__ import annotations

import logging
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from seedwitness.checkpoints.layout import unusable
from seedwitness.config.inputs import CheckpointSettings

logger = logging.getLogger(__name__)


def shapes(settings: CheckpointSettings, path: Path) -> dict[str, tuple[int, ...]]:
    """The tensors in a pickle, by name, without their values.

    Raises CheckpointError where the scan finds something dangerous, or it is no plain weights.
    """
    import torch

    scan(settings, path)
    try:
        state = torch.load(path, map_location="meta", weights_only=True)
        state = state.get("state_dict", state)
        return {key: tuple(value.shape) for key, value in state.items() if hasattr(value, "shape")}
    except Exception as error:  # whatever a broken or hostile file makes the reader meet
        raise unusable(settings, f"{path} cannot be read as weights only: {error}.") from error


def scan(settings: CheckpointSettings, path: Path) -> None:
    """Raise CheckpointError where picklescan finds something dangerous; say what was done.

    Without picklescan, ``weights_only`` alone stands between the file and this machine.
    """
    found = "picklescan is not installed, so it was not scanned"
    if find_spec("picklescan") is not None:
        result = import_module("picklescan.scanner").scan_file_path(str(path))
        if result.infected_files or result.scan_err:
            calls = ", ".join(f"{each.module}.{each.name}" for each in result.globals)
            raise unusable(
                settings,
                f"{path} is dangerous, or cannot be scanned: it would call {calls or '?'}.",
            )
        found = "picklescan found nothing dangerous"
    logger.warning("%s is a pickle: it is read as weights only, and %s.", path, found)
