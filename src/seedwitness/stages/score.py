"""Score every trial of a case and of its replay: ``data/score/TARGET/CHECKPOINT/``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedwitness import config, records
from seedwitness.files import replacing
from seedwitness.pictures import decoded
from seedwitness.stages import place

if TYPE_CHECKING:
    from PIL import Image

    from seedwitness.metrics.scoring import Metric


def run(target: str, checkpoint: str) -> None:
    """Write ``scores.parquet`` and ``reference.parquet``, both ``records.SCORES``."""
    from seedwitness.metrics.scoring import load

    settings = config.section(config.Score, "score")
    metrics = load(settings.metrics, settings.weights, settings.batch)
    picture = decoded(
        place("prepare", target) / "image.png", f"`dvc repro prepare@{target}` writes it."
    )
    reference = config.section(str, "judge", "reference")
    with replacing(place("score", target, checkpoint)) as part:
        part.mkdir()
        for stage, on, name in (
            ("search", checkpoint, "scores"),
            ("replay", reference, "reference"),
        ):
            rows = scored(place(stage, target, checkpoint), on, picture, metrics, settings.batch)
            records.write_table(part / f"{name}.parquet", rows, records.SCORES)


def scored(
    folder: Path, checkpoint: str, picture: Image.Image, metrics: Mapping[str, Metric], batch: int
) -> list[dict[str, Any]]:
    """Rows of ``records.SCORES`` for the trials in ``folder``, which ``checkpoint`` made."""
    from seedwitness.checkpoints.loading import load
    from seedwitness.checkpoints.sampling import decode_latents
    from seedwitness.metrics.scoring import aligned, rows
    from seedwitness.search.keeping import kept

    trials = records.read_table(folder / "trials.parquet", records.TRIALS)
    if trials.empty:
        return []
    identity = records.read(records.Checkpoint, place("identify", checkpoint) / "checkpoint.json")
    described = config.section(config.Checkpoint, "checkpoints", checkpoint)
    pipeline = load(checkpoint, described, identity).pipeline
    found: list[dict[str, Any]] = []
    for names, latents in kept(folder, trials, batch):
        pictures = decode_latents(pipeline, latents.to(pipeline.device))
        target = aligned(picture, pictures.shape[-1], pictures.shape[-2])
        found += rows(metrics, names, pictures, target)
    return found
