"""Score every trial of a case and of its replay: ``data/score/TARGET/CHECKPOINT/``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedwitness import config, records
from seedwitness.files import replacing
from seedwitness.pictures import decoded
from seedwitness.stages import frozen, place

if TYPE_CHECKING:
    import pandas as pd
    from PIL import Image

    from seedwitness.metrics.scoring import Metric


def run(target: str, checkpoint: str) -> None:
    """Write ``scores.parquet`` and ``reference.parquet``, both ``records.SCORES``, and pictures.

    ``images/TRIAL.png`` are the ``score.images`` closest trials by each metric, and
    ``reference/TRIAL.png`` what the reference checkpoint made of the same recipes.
    """
    from seedwitness.metrics.scoring import closest, load
    from seedwitness.search.keeping import write_pictures

    protocol = frozen("score")
    settings = config.section(config.Score, "score", path=protocol)
    metrics = load(settings.metrics, settings.weights, settings.batch)
    picture = decoded(
        place("prepare", target) / "image.png", f"`dvc repro prepare@{target}` writes it."
    )
    own = _opened(place("search", target, checkpoint), checkpoint)
    reference = config.section(str, "judge", "reference", path=protocol)
    theirs = _opened(place("replay", target, checkpoint), reference)
    with replacing(place("score", target, checkpoint)) as part:
        part.mkdir()
        rows = _scored(own, picture, metrics, settings.batch)
        records.write_table(part / "scores.parquet", rows, records.SCORES)
        again = _scored(theirs, picture, metrics, settings.batch)
        records.write_table(part / "reference.parquet", again, records.SCORES)
        shown = closest(rows, settings.images)
        for made, name in ((own, "images"), (theirs, "reference")):
            chosen = made.trials[made.trials["trial"].isin(shown)]
            write_pictures(made.folder, chosen, made.pipeline, part / name)


@dataclass(frozen=True)
class _Made:
    """Trials in a folder, and the pipeline that made them; None where there are no trials."""

    folder: Path
    trials: pd.DataFrame
    pipeline: Any


def _opened(folder: Path, checkpoint: str) -> _Made:
    from seedwitness.checkpoints.loading import load

    trials = records.read_table(folder / "trials.parquet", records.TRIALS)
    if trials.empty:
        return _Made(folder, trials, None)
    identity = records.read(records.Checkpoint, place("identify", checkpoint) / "checkpoint.json")
    described = config.section(config.Checkpoint, "checkpoints", checkpoint)
    return _Made(folder, trials, load(checkpoint, described, identity).pipeline)


def _scored(
    made: _Made, picture: Image.Image, metrics: Mapping[str, Metric], batch: int
) -> list[dict[str, Any]]:
    from seedwitness.checkpoints.sampling import decode_latents
    from seedwitness.metrics.scoring import aligned, rows
    from seedwitness.search.keeping import kept

    found: list[dict[str, Any]] = []
    for names, latents in kept(made.folder, made.trials, batch):
        pictures = decode_latents(made.pipeline, latents.to(made.pipeline.device))
        target = aligned(picture, pictures.shape[-1], pictures.shape[-2])
        found += rows(metrics, names, pictures, target)
    return found
