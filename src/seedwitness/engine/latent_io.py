"""Reads the final latents of a search, and writes the images that they decode to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from PIL import Image
from safetensors import safe_open
from torch import Tensor

from seedwitness.engine.latent_cache import hash_rows
from seedwitness.engine.sampling import decode_latents
from seedwitness.errors import RecordError


def iter_latents(
    folder: Path, trials: pd.DataFrame, batch: int
) -> Iterator[tuple[list[str], Tensor]]:
    """Yield trial ids and final latents [n, c, h, w] of ``trials``, at most ``batch`` at a time.

    ``trials`` are rows of ``records.TRIALS`` of the search that wrote ``folder``. Raises
    RecordError if a file of latents is missing, or a latent has not the hash of its trial.
    """
    for name, rows in trials.groupby("shard", sort=True):
        is_cached = "/" in str(name)
        path = Path(str(name)) if is_cached else folder / str(name)
        if not path.exists():
            remedy = (
                "The search saved only its closest latents, and the cache that held the others is "
                "missing: run its stage again with `dvc repro --force`, or set search.latents to "
                "`all`."
                if is_cached
                else "`dvc repro` runs the stage that writes it."
            )
            raise RecordError(f"{path} is missing. {remedy}")
        with safe_open(path, framework="pt") as file:
            latents = file.get_slice("latents")
            for start in range(0, len(rows), batch):
                part = rows.iloc[start : start + batch]
                batch_latents = torch.stack([latents[int(row)] for row in part["row"]])
                if hash_rows(batch_latents) != part["latent_sha256"].tolist():
                    raise RecordError(
                        f"{path} holds other latents than the search found, by their hashes. It "
                        "was damaged or replaced: remove it, and run the search again with "
                        "`dvc repro --force`."
                    )
                yield part["trial"].tolist(), batch_latents


def write_pictures(folder: Path, trials: pd.DataFrame, pipeline: Any, into: Path) -> None:
    """Write ``TRIAL.png`` to the new folder ``into`` for each of ``trials``.

    Each latent is decoded alone, so that the bytes of its image do not depend on the others.
    """
    into.mkdir()
    samplers = dict(zip(trials["trial"], trials["sampler"], strict=True))
    for names, latents in iter_latents(folder, trials, 1):
        latents = latents.to(pipeline.device)
        pixels = decode_latents(pipeline, latents, samplers[names[0]])[0]
        to_picture(pixels).save(into / f"{names[0]}.png")


def to_picture(pixels: Tensor) -> Image.Image:
    """The picture of decoded pixels, uint8 [3, height, width]."""
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
