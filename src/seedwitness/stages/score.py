"""Score every trial of a case and of its replay: ``data/score/TARGET/CHECKPOINT/``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedwitness.config.stage_settings import ScoreStage, load_stage_settings
from seedwitness.records.recipe import Recipe
from seedwitness.records.tables import CODECS, SCORES, TRIALS, read_table, write_table
from seedwitness.runtime.files import replace_whole
from seedwitness.stages import output_path
from seedwitness.stages._checkpoint import load_identified
from seedwitness.stages._target_image import load_target_image

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from PIL import Image

    from seedwitness.imaging.alignment import AlignmentSpec
    from seedwitness.metrics.scoring import Metric


def run(target: str, checkpoint: str) -> None:
    """Write ``scores.parquet``, ``reference.parquet``, ``codecs.parquet``, and images.

    The first two are ``records.SCORES``, the third ``records.CODECS``: files of the target itself.
    ``images/TRIAL.png`` are the ``score.images`` closest trials by each metric, and
    ``reference/TRIAL.png`` what the reference checkpoint made of the same recipes. ``maps/`` shows
    where the closest trial agrees with the target.
    """
    from seedwitness.engine.latent_io import write_pictures
    from seedwitness.imaging.alignment import AlignmentSpec
    from seedwitness.metrics.codec_scores import score_codec_files
    from seedwitness.metrics.scoring import load_metrics, select_closest_trials

    settings = load_stage_settings("score", ScoreStage)
    score = settings.score
    metrics = load_metrics(score.runnable_metrics, score.weights, score.batch)
    image = load_target_image(target)
    spec = AlignmentSpec(settings.resize, score.mirrored, score.shift)
    trials = _open_trials(output_path("search", target, checkpoint), checkpoint)
    replayed = _open_trials(output_path("replay", target, checkpoint), settings.reference)
    sizes = zip(trials.table["width"], trials.table["height"], strict=True)
    with replace_whole(output_path("score", target, checkpoint)) as part:
        part.mkdir()
        rows = _score(trials, image, metrics, score.batch, spec)
        write_table(part / "scores.parquet", rows, SCORES)
        reference_rows = _score(replayed, image, metrics, score.batch, spec)
        write_table(part / "reference.parquet", reference_rows, SCORES)
        codec_rows = score_codec_files(image, sizes, settings.resize, metrics)
        write_table(part / "codecs.parquet", codec_rows, CODECS)
        closest = select_closest_trials(rows, score.images)
        for source, name in ((trials, "images"), (replayed, "reference")):
            shown = source.table[source.table["trial"].isin(closest)]
            write_pictures(source.folder, shown, source.pipeline, part / name)
        ranked = [row for row in rows if row["metric"] == settings.ranked_by]
        _write_maps(part / "maps", trials, ranked, image, metrics, spec)


@dataclass(frozen=True)
class _Trials:
    """The trials in a folder, and the pipeline that made them; None where there are none."""

    folder: Path
    table: pd.DataFrame
    pipeline: Any


def _open_trials(folder: Path, checkpoint: str) -> _Trials:
    table = read_table(folder / "trials.parquet", TRIALS)
    if table.empty:
        return _Trials(folder, table, None)
    dtype = str(table["dtype"].iloc[0])
    return _Trials(folder, table, load_identified(checkpoint, dtype).pipeline)


def _score(
    trials: _Trials,
    image: Image.Image,
    metrics: Mapping[str, Metric],
    batch: int,
    spec: AlignmentSpec,
) -> list[dict[str, Any]]:
    from seedwitness.engine.latent_io import iter_latents
    from seedwitness.search.trial_scores import score_latents

    prompts = dict(zip(trials.table["trial"], trials.table["prompt"], strict=True))
    batches = iter_latents(trials.folder, trials.table, batch)
    return score_latents(trials.pipeline, batches, prompts, image, metrics, spec)


def _write_maps(
    folder: Path,
    trials: _Trials,
    ranked: list[dict[str, Any]],
    image: Image.Image,
    metrics: Mapping[str, Metric],
    spec: AlignmentSpec,
) -> None:
    """``maps.json`` and the images of the copy map of the closest trial."""
    from seedwitness.engine.latent_io import iter_latents
    from seedwitness.metrics.scoring import select_closest_trials
    from seedwitness.search.agreement import map_agreement

    (best,) = select_closest_trials(ranked, 1)
    alignment = next(row["alignment"] for row in ranked if row["trial"] == best)
    row = trials.table[trials.table["trial"] == best]
    [(_, latent)] = iter_latents(trials.folder, row, 1)
    recipe = Recipe.from_row(row.iloc[0])
    agreement = map_agreement(trials.pipeline, recipe, latent, image, metrics, spec, alignment)
    folder.mkdir()
    for name, picture in agreement.images.items():
        picture.save(folder / f"{name}.png")
    agreement.record.write(folder / "maps.json")
