"""Score every trial of a case and of its replay: ``data/score/TARGET/CHECKPOINT/``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedwitness.config.reading import load_section
from seedwitness.config.verdicts import ScoreSettings
from seedwitness.records.copy_map import CopyMap
from seedwitness.records.recipe import Recipe
from seedwitness.records.tables import CODECS, SCORES, TRIALS, read_table, write_table
from seedwitness.runtime.files import replace_whole
from seedwitness.stages import frozen, output_path
from seedwitness.stages._checkpoint import loaded_as
from seedwitness.stages._inputs import positions
from seedwitness.stages._target import picture_of

if TYPE_CHECKING:
    import pandas as pd
    from PIL import Image

    from seedwitness.imaging.alignment import AlignmentSpec
    from seedwitness.metrics.scoring import Metric


def run(target: str, checkpoint: str) -> None:
    """Write ``scores.parquet``, ``reference.parquet``, ``codecs.parquet``, and pictures.

    The first two are ``records.SCORES``, the third ``records.CODECS``: files of the target itself.
    ``images/TRIAL.png`` are the ``score.images`` closest trials by each metric, and
    ``reference/TRIAL.png`` what the reference checkpoint made of the same recipes. ``maps/`` shows
    where the closest trial agrees with the target.
    """
    from seedwitness.engine.latent_io import write_pictures
    from seedwitness.metrics.scoring import closest, load

    protocol = frozen("score")
    settings = load_section(ScoreSettings, "score", path=protocol)
    metrics = load(settings.runnable, settings.weights, settings.batch)
    picture = picture_of(target)
    own = _opened(output_path("search", target, checkpoint), checkpoint)
    reference = load_section(str, "judge", "reference", path=protocol)
    ranked_by = load_section(str, "judge", "metric", path=protocol)
    laid = positions(protocol)
    theirs = _opened(output_path("replay", target, checkpoint), reference)
    with replace_whole(output_path("score", target, checkpoint)) as part:
        part.mkdir()
        rows = _scored(own, picture, metrics, settings.batch, laid)
        write_table(part / "scores.parquet", rows, SCORES)
        again = _scored(theirs, picture, metrics, settings.batch, laid)
        write_table(part / "reference.parquet", again, SCORES)
        files = _coded(own, picture, metrics, laid.rule)
        write_table(part / "codecs.parquet", files, CODECS)
        shown = closest(rows, settings.images)
        for made, name in ((own, "images"), (theirs, "reference")):
            chosen = made.trials[made.trials["trial"].isin(shown)]
            write_pictures(made.folder, chosen, made.pipeline, part / name)
        ranked = [row for row in rows if row["metric"] == ranked_by]
        (best,) = closest(ranked, 1)
        position = next(row["alignment"] for row in ranked if row["trial"] == best)
        _map(own, best, picture, metrics, laid, position, part / "maps")


@dataclass(frozen=True)
class _Made:
    """Trials in a folder, and the pipeline that made them; None where there are no trials."""

    folder: Path
    trials: pd.DataFrame
    pipeline: Any


def _opened(folder: Path, checkpoint: str) -> _Made:
    trials = read_table(folder / "trials.parquet", TRIALS)
    if trials.empty:
        return _Made(folder, trials, None)
    return _Made(folder, trials, loaded_as(checkpoint, str(trials["dtype"].iloc[0])).pipeline)


def _scored(
    made: _Made,
    picture: Image.Image,
    metrics: Mapping[str, Metric],
    batch: int,
    laid: AlignmentSpec,
) -> list[dict[str, Any]]:
    from seedwitness.engine.latent_io import iter_latents
    from seedwitness.search.trial_scores import score_latents

    prompts = dict(zip(made.trials["trial"], made.trials["prompt"], strict=True))
    parts = (
        (names, [prompts[name] for name in names], latents)
        for names, latents in iter_latents(made.folder, made.trials, batch)
    )
    return score_latents(made.pipeline, parts, picture, metrics, laid)


def _coded(
    made: _Made, picture: Image.Image, metrics: Mapping[str, Metric], rule: str
) -> list[dict[str, Any]]:
    """What image codecs make of the target at the generated size, by LPIPS and by PSNR."""
    import torch

    from seedwitness.imaging.alignment import alignments
    from seedwitness.imaging.alignment import resized_pixels as aligned
    from seedwitness.metrics.codecs import DISTORTIONS, coded
    from seedwitness.metrics.scoring import rows

    by = {name: metrics[name] for name in DISTORTIONS if name in metrics}
    found: list[dict[str, Any]] = []
    for width, height in sorted(set(zip(made.trials["width"], made.trials["height"], strict=True))):
        target = aligned(picture, width, height, rule)
        files = list(coded(target))
        pictures = torch.stack([each.picture for each in files])
        names = [str(number) for number in range(len(files))]
        for row in rows(by, names, pictures, [], alignments(target)):
            file = files[int(row.pop("trial"))]
            about = {"codec": file.codec, "reduction": file.reduction, "quality": file.quality}
            found.append({**row, **about, "bytes": file.size})
    return found


def _map(
    made: _Made,
    trial: str,
    picture: Image.Image,
    metrics: Mapping[str, Metric],
    laid: AlignmentSpec,
    position: str,
    folder: Path,
) -> None:
    """``pixels.png``, ``windows.png`` and ``ending.png``: where a trial agrees; ``maps.json``.

    The second only where a descriptor was asked for, the third where there is cross-attention.
    """
    from PIL import Image

    from seedwitness.detectors.bright_ending import walked_ending
    from seedwitness.engine.latent_io import iter_latents
    from seedwitness.engine.sampling import decode_latents
    from seedwitness.metrics import copy_map

    row = made.trials[made.trials["trial"] == trial]
    [(_, latents)] = iter_latents(made.folder, row, 1)
    pixels = decode_latents(made.pipeline, latents.to(made.pipeline.device))[0]
    target = laid.of(picture, pixels.shape[-1], pixels.shape[-2])[position]
    tiles = copy_map.tiles(pixels, target)
    found = {"pixels": (tiles <= copy_map.CLOSE).float()}
    windows: list[float] = []
    if "descriptor" in metrics:
        scores = copy_map.windows(metrics["descriptor"].against, pixels, target)
        windows = scores.flatten().tolist()
        found["windows"] = copy_map.spread(scores, pixels.shape[-2], pixels.shape[-1])
    ending = walked_ending(made.pipeline, Recipe.from_row(row.iloc[0]))
    if ending is not None:
        found["ending"] = ending / ending.amax().clamp(min=1e-12)
    folder.mkdir()
    for name, agreement in found.items():
        paled = copy_map.shown(pixels, agreement).permute(1, 2, 0).contiguous().numpy()
        Image.fromarray(paled).save(folder / f"{name}.png")
    steps = int(row["steps"].iloc[0])
    CopyMap(
        trial=trial,
        alignment=position,
        tiles_close=int((tiles <= copy_map.CLOSE).sum()),
        tiles=tiles.numel(),
        close=copy_map.CLOSE,
        metric="descriptor" if windows else "",
        label=metrics["descriptor"].info.label if windows else "",
        windows=windows,
        ending="" if ending is None else f"in the last of {steps} steps of DDIM from its noise",
    ).write(folder / "maps.json")
