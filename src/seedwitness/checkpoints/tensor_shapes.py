"""Read the names and shapes of the tensors in a weights file, without the tensors."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open

from seedwitness.checkpoints.problems import make_checkpoint_error
from seedwitness.config.inputs import CheckpointSettings

SAFETENSORS_SUFFIX = ".safetensors"

Shapes = dict[str, tuple[int, ...]]


def read_shapes(settings: CheckpointSettings, path: Path) -> Shapes:
    """Read the tensor shapes in a weights file by name; check that the file is complete."""
    if path.suffix != SAFETENSORS_SUFFIX:
        from seedwitness.checkpoints import pickles

        return pickles.read_pickle_shapes(path)
    try:
        with safe_open(path, framework="numpy") as file:
            return {key: tuple(file.get_slice(key).get_shape()) for key in sorted(file.keys())}
    except (SafetensorError, OSError) as error:
        raise make_checkpoint_error(
            settings, f"{path} is no complete safetensors file ({error}); it may be truncated."
        ) from error
