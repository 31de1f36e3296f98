"""``seedwitness convert``: writes the tensors of a pickled checkpoint as a safetensors file."""

from __future__ import annotations

from pathlib import Path

from seedwitness.errors import ConfigError


def convert_pickle(source: Path, to: Path | None = None) -> Path:
    """Write the tensors of a pickle to ``to``, or beside it; gives the path of the new file.

    The pickle is scanned and read as weights only. Raises ConfigError if it does not exist or the
    new file does, and CheckpointError if it is damaged, or holds more than weights.
    """
    target = to or source.with_suffix(".safetensors")
    if not source.is_file():
        raise ConfigError(f"There is no file {source}. Name the pickled checkpoint to convert.")
    if target.exists():
        raise ConfigError(
            f"{target} exists already and is not overwritten: name another file with `--out`."
        )
    from safetensors.torch import save_file

    from seedwitness.checkpoints.pickles import read_pickled_weights
    from seedwitness.runtime.files import replace_whole

    # safetensors refuses tensors that share memory.
    tensors = {
        key: value.clone().contiguous() for key, value in read_pickled_weights(source).items()
    }
    with replace_whole(target) as part:
        save_file(tensors, part, {"format": "pt"})
    return target
