"""Reads back the final latents that a search kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch
from safetensors import safe_open
from torch import Tensor

from seedwitness.errors import RecordError


def kept(folder: Path, trials: pd.DataFrame, batch: int) -> Iterator[tuple[list[str], Tensor]]:
    """Trials whose latent was kept, at most ``batch`` at a time: ids, and latents [n, c, h, w].

    ``trials`` is ``records.TRIALS`` of the search that wrote ``folder``. Raises RecordError where a
    file of latents is missing.
    """
    for name, rows in trials[trials["shard"] != ""].groupby("shard", sort=True):
        path = folder / str(name)
        if not path.exists():
            raise RecordError(f"{path} is missing. `dvc repro` runs the stage that writes it.")
        with safe_open(path, framework="pt") as file:
            latents = file.get_slice("latents")
            for start in range(0, len(rows), batch):
                part = rows.iloc[start : start + batch]
                stack = torch.stack([latents[int(row)] for row in part["row"]])
                yield part["trial"].tolist(), stack
