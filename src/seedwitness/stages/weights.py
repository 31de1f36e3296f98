"""Weights: what a metric's weights are, by hash, before anything depends on them."""

from __future__ import annotations

import json
from pathlib import Path

from seedwitness.config.reading import load_section
from seedwitness.errors import CheckpointError
from seedwitness.runtime.files import sha256_file, write_whole
from seedwitness.stages import output_path


def run(metric: str) -> None:
    """Write ``data/weights/METRIC/weights.json``: every file of the weights with its SHA-256."""
    named = load_section(Path, "score", "weights", metric)
    if not named.exists():
        raise CheckpointError(
            f"The weights of the metric `{metric}` are missing: there is no {named}. `make lab` "
            "trains the lab's own; conf/score/published.yaml says how published ones are fetched."
        )
    files = sorted(p for p in named.rglob("*") if p.is_file()) if named.is_dir() else [named]
    top = named if named.is_dir() else named.parent
    hashes = {file.relative_to(top).as_posix(): sha256_file(file) for file in files}
    write_whole(
        output_path("weights", metric) / "weights.json", json.dumps(hashes, indent=1) + "\n"
    )
