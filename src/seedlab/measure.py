"""Measure the checkpoints and networks of a lab on held-out pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from diffusers import AutoencoderKL
from scipy.stats import bootstrap, wilcoxon
from torch import Tensor

from seedlab import sheets
from seedlab.autoencoder import compute_psnr
from seedlab.clip_recall import measure_recall
from seedlab.copy_recall import measure_copy_recall
from seedlab.perceptual_distance import measure_ranking
from seedlab.regeneration import (
    compute_thresholds,
    count_control_hits,
    generate_pictures,
    mark_regenerated_pictures,
    score_generations,
)
from seedlab.settings import WorldPictures
from seedlab.training import make_generator
from seedlab.world_measure import load_world_measures, measure_on_world
from seedwitness.errors import CheckpointError
from seedwitness.metrics import clip_score
from seedwitness.metrics.descriptor import Descriptor, load_descriptor
from seedwitness.metrics.lpips_distance import load_lab
from seedwitness.runtime.devices import describe_machine
from seedwitness.runtime.environment import package_versions
from seedwitness.runtime.files import replace_whole
from seedwitness.statistics.rates import estimate_rate

if TYPE_CHECKING:
    from seedlab.lab_folder import Lab

MEASUREMENT_FOLDER = "measurements"
FIGURES_FILE = "figures.json"
SCORES_FILE = "scores.parquet"
SAMPLED = ("planted", "portfolio", "twin", "held_out")
"""Splits whose captions are sampled."""


def measure_lab(lab: Lab) -> None:
    """Write ``measurements/``: ``figures.json``, ``scores.parquet`` and the sheets."""
    from seedlab.lab_folder import (
        AUTOENCODER_FOLDER,
        CHECKPOINTS,
        CLIP_FOLDER,
        DESCRIPTOR_FOLDER,
        DISTANCE_FOLDER,
        training_state_folder,
    )

    held_out = [row for row in lab.rows if row.split == "held_out"]
    pictures = lab.load_pixels(held_out)
    captions = [row.caption for row in held_out]
    clip_model = clip_score.load_clip(lab.path / CLIP_FOLDER)
    copy_descriptor = load_descriptor(find_weights_file(lab.path / DESCRIPTOR_FOLDER))
    lpips = load_lab(find_weights_file(lab.path / DISTANCE_FOLDER))
    vae = AutoencoderKL.from_pretrained(lab.path / AUTOENCODER_FOLDER, local_files_only=True)
    among = min(64, len(set(captions)))
    recall = measure_recall(clip_model, pictures, captions, among=among)
    copy_recall = measure_copy_recall(copy_descriptor.embed, pictures)
    figures: dict[str, Any] = {
        "settings": asdict(lab.settings.measure),
        "environment": {**describe_machine(), **package_versions(("diffusers", "transformers"))},
        "pictures": {"held_out": len(held_out)},
        "autoencoder": summarise_values(compute_psnr(vae.eval(), pictures).tolist()),
        "clip": asdict(recall),
        "descriptor": {"among": len(pictures), **copy_recall},
        "distance": measure_ranking(lpips, pictures),
    }
    latent_cache = training_state_folder().parent / "generations"
    section = lab.settings.pictures
    world = None
    if isinstance(section, WorldPictures):
        world = load_world_measures(lab, section, clip_model, lpips, latent_cache)
    with replace_whole(lab.path / MEASUREMENT_FOLDER) as part:
        part.mkdir()
        tables = []
        for name in CHECKPOINTS:
            scores, nearest, outputs = score_checkpoint(lab, name, copy_descriptor, latent_cache)
            first = {caption: pixels[0] for caption, pixels in outputs.items()}
            caption_gain = compare_with_shuffled_captions(clip_model, first, captions)
            figures[name] = compute_rates(scores) | {"captions": caption_gain}
            if world:
                of_world = measure_on_world(world, name, outputs)
                figures[name] |= of_world.figures
                for title, drawn_sheet in of_world.sheets.items():
                    drawn_sheet.save(part / f"{title}-{name}.png")
            tables.append(scores.assign(checkpoint=name))
            sheet = sheets.draw_regeneration_sheet(lab, nearest, scores)
            sheet.save(part / f"regenerations-{name}.png")
            sheets.draw_caption_sheet(first).save(part / f"captions-{name}.png")
        sheets.draw_artist_sheet(lab).save(part / "artists.png")
        with replace_whole(part / SCORES_FILE) as file:
            pd.concat(tables).to_parquet(file, index=False)
        (part / FIGURES_FILE).write_text(json.dumps(figures, indent=1) + "\n")


def score_checkpoint(
    lab: Lab, name: str, copy_descriptor: Descriptor, latent_cache: Path
) -> tuple[pd.DataFrame, dict[str, Tensor], dict[str, Tensor]]:
    """Scores of the pictures of ``SAMPLED`` and of some seen once, on one checkpoint.

    Each picture is sampled by its own caption. The pictures seen once are those that share a
    caption with one of the others, so they need no further generations. Also returned are the
    nearest generation of each picture on a sheet, by id, and the generations for each held-out
    caption, by caption.
    """
    not_once = [row for row in lab.rows if row.split in SAMPLED]
    captions = list(dict.fromkeys(row.caption for row in not_once))
    known = set(captions)
    rows = not_once + [row for row in lab.rows if row.split == "once" and row.caption in known]
    images = dict(zip((row.id for row in rows), lab.load_pixels(rows), strict=True))
    shown_ids = {row.id for row in sheets.choose_rows(lab)}
    folder = lab.path / "checkpoints" / name
    held_out_captions = {row.caption for row in rows if row.split == "held_out"}
    outputs: dict[str, Tensor] = {}

    def generations() -> Iterator[tuple[str, Tensor]]:
        measure = lab.settings.measure
        for caption, pictures in generate_pictures(folder, captions, measure, latent_cache):
            if caption in held_out_captions:
                outputs[caption] = pictures
            yield caption, pictures

    scores, nearest = score_generations(generations(), rows, images, copy_descriptor, shown_ids)
    return scores, nearest, outputs


def compute_rates(scores: pd.DataFrame) -> dict[str, Any]:
    """Regeneration rates by split and multiplicity, with thresholds from the held-out controls.

    A split without pictures has no entry.
    """
    controls = scores[scores["split"] == "held_out"]
    thresholds = compute_thresholds(controls)
    rates: dict[str, Any] = {"thresholds": asdict(thresholds)}
    for split in ("once", "twin"):
        part = scores[scores["split"] == split]
        if len(part):
            rates[split] = summarise_hits(mark_regenerated_pictures(part, thresholds))
    rates["held_out"] = summarise_rate(*count_control_hits(controls))
    for split in ("planted", "portfolio"):
        part = scores[scores["split"] == split]
        if len(part):
            rates[split] = {
                str(multiplicity): summarise_hits(mark_regenerated_pictures(group, thresholds))
                | {"seeds": summarise_hits(thresholds.mark_regenerations(group))}
                for multiplicity, group in part.groupby("multiplicity")
            }
    return rates


def summarise_hits(hits: pd.Series) -> dict[str, Any]:
    """Share of true values in a boolean column, with its interval."""
    return summarise_rate(int(hits.sum()), len(hits))


def summarise_rate(hits: int, n: int) -> dict[str, Any]:
    """``hits`` of ``n`` with the limits of the Clopper–Pearson interval at 95 %."""
    return estimate_rate(hits, n).model_dump(include={"hits", "n", "low", "high"})


def compare_with_shuffled_captions(
    clip_model: clip_score.ClipScore, generations: dict[str, Tensor], captions: Sequence[str]
) -> dict[str, Any]:
    """Paired difference of the CLIP score of each generation to its own and to another caption.

    ``generations`` holds one picture for each held-out caption. The interval is a 95 % bootstrap
    interval (BCa), ``p`` is of Wilcoxon's signed-rank test, one-sided, and ``found_first`` is the
    share of captions whose nearest generation is their own.
    """
    texts = [caption for caption in dict.fromkeys(captions) if caption in generations]
    pictures = torch.stack([generations[text] for text in texts])
    order = torch.randperm(len(texts), generator=make_generator("shuffled captions"))
    similarity = clip_model.embed_images(pictures) @ clip_model.embed_texts(texts).T
    # No caption stays in its place: each gets the next one of a random ring.
    other = torch.empty_like(order)
    other[order] = order.roll(1)
    own, shuffled = similarity.diagonal(), similarity.gather(1, other[:, None])[:, 0]
    gain = (own - shuffled).double().numpy()
    interval = bootstrap((gain,), np.mean, rng=np.random.default_rng(1)).confidence_interval
    found_first = int((similarity.argmax(1) == torch.arange(len(texts))).sum())
    return {
        "label": clip_model.info.label,
        "n": len(texts),
        "own": own.mean().item(),
        "shuffled": shuffled.mean().item(),
        "difference": float(gain.mean()),
        "low": float(interval.low),
        "high": float(interval.high),
        "p": float(wilcoxon(gain, alternative="greater").pvalue),
        "found_first": summarise_rate(found_first, len(texts)),
    }


def summarise_values(values: Sequence[float]) -> dict[str, float]:
    """Number, mean, median and 10 % quantile of ``values``."""
    array = np.asarray(values)
    return {
        "n": len(array),
        "mean": float(array.mean()),
        "median": float(np.median(array)),
        "lowest_tenth": float(np.quantile(array, 0.1)),
    }


def find_weights_file(folder: Path) -> Path:
    """The weights file of a folder; raises CheckpointError unless there is exactly one."""
    files = [path for path in sorted(folder.glob("*")) if path.suffix in (".pt", ".safetensors")]
    if len(files) != 1:
        raise CheckpointError(
            f"{folder} must contain one weights file but contains {len(files)}. Run `dvc repro` in "
            "the lab's directory, which trains what is missing."
        )
    return files[0]
