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
    """Write ``scores.parquet``, ``reference.parquet``, ``codecs.parquet``, and pictures.

    The first two are ``records.SCORES``, the third ``records.CODECS``: files of the target itself.
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
        files = _coded(own, picture, metrics)
        records.write_table(part / "codecs.parquet", files, records.CODECS)
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
    from seedwitness.search.keeping import kept
    from seedwitness.search.scores import scored

    latents = kept(made.folder, made.trials, batch)
    return scored(made.pipeline, latents, picture, metrics)


def _coded(
    made: _Made, picture: Image.Image, metrics: Mapping[str, Metric]
) -> list[dict[str, Any]]:
    """What image codecs make of the target at the generated size, by LPIPS and by PSNR."""
    import torch

    from seedwitness.metrics.codecs import DISTORTIONS, coded
    from seedwitness.metrics.scoring import aligned, rows

    by = {name: metrics[name] for name in DISTORTIONS if name in metrics}
    found: list[dict[str, Any]] = []
    for width, height in sorted(set(zip(made.trials["width"], made.trials["height"], strict=True))):
        target = aligned(picture, width, height)
        files = list(coded(target))
        pictures = torch.stack([each.picture for each in files])
        names = [str(number) for number in range(len(files))]
        for row in rows(by, names, pictures, target):
            file = files[int(row.pop("trial"))]
            about = {"codec": file.codec, "reduction": file.reduction, "quality": file.quality}
            found.append({**row, **about, "bytes": file.size})
    return found
