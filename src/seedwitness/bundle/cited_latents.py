"""Final latents of the recipes that a report cites, one safetensors file each, without torch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from seedwitness.bundle.layout import LATENTS
from seedwitness.records.tables import TRIALS, read_table
from seedwitness.report.evidence import Evidence

TENSOR = "latents"


def name_latent(checkpoint: str, trial: str) -> str:
    """Where a bundle keeps the latent of a trial."""
    return f"{LATENTS}/{checkpoint}/{trial}.safetensors"


def collect_latents(root: Path, evidence: Evidence) -> Iterator[tuple[str, bytes | None]]:
    """The file of each cited trial's latent, by its path in a bundle; None where it is not kept."""
    for case in evidence.cases:
        folder = root / "data" / "search" / evidence.target.name / case.checkpoint
        table = read_table(folder / "trials.parquet", TRIALS).set_index("trial")
        for cited in case.cited:
            name = name_latent(case.checkpoint, cited.trial)
            shard = str(table.loc[cited.trial, "shard"])
            path = root / shard if "/" in shard else folder / shard
            row = int(str(table.loc[cited.trial, "row"]))
            yield name, _read_row(path, row) if path.is_file() else None


def hash_latent(content: bytes) -> str:
    """SHA-256 of the values in a file of ``collect_latents``, as trials name their latents.

    Raises ValueError if it is no such file.
    """
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    first, last = header[TENSOR]["data_offsets"]
    return sha256(content[8 + length + int(first) : 8 + length + int(last)]).hexdigest()


def _read_row(path: Path, row: int) -> bytes | None:
    from safetensors.numpy import save

    try:
        with safe_open(path, framework="numpy") as file:
            return bytes(save({TENSOR: np.ascontiguousarray(file.get_slice(TENSOR)[row])}))
    except (SafetensorError, OSError):
        return None
