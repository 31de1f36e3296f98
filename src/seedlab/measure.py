"""Measure everything that a lab trained, on pictures that no training saw."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from diffusers import AutoencoderKL
from scipy.stats import bootstrap, wilcoxon
from torch import Tensor

from seedlab import autoencoder, clip, descriptor, distance, sheets
from seedlab.regeneration import chance, generations, pictures_regenerated, score, thresholds
from seedlab.training import environment, generator_of
from seedlab.truth import Picture
from seedwitness.errors import CheckpointError
from seedwitness.metrics import clip_score
from seedwitness.metrics import descriptor as descriptors
from seedwitness.metrics.lpips_distance import load_lab
from seedwitness.runtime.files import replace_whole
from seedwitness.statistics.rates import rate

if TYPE_CHECKING:
    from seedlab.home import Lab

FOLDER = "measurements"
FIGURES = "figures.json"
SCORES = "scores.parquet"


def run(lab: Lab) -> None:
    """Write ``measurements/``: ``figures.json``, ``scores.parquet`` and the sheets."""
    from seedlab.home import AUTOENCODER, CHECKPOINTS, CLIP, DESCRIPTOR, DISTANCE, scratch

    held_out = [row for row in lab.rows if row.split == "held_out"]
    pictures = lab.pictures(held_out)
    captions = [row.caption for row in held_out]
    eyes = clip_score.load(lab.path / CLIP)
    copies = descriptors.load(weights_in(lab.path / DESCRIPTOR))
    lpips = load_lab(weights_in(lab.path / DISTANCE))
    vae = AutoencoderKL.from_pretrained(lab.path / AUTOENCODER, local_files_only=True)
    figures: dict[str, Any] = {
        "settings": asdict(lab.settings.measure),
        "environment": environment(),
        "pictures": {"held_out": len(held_out)},
        "autoencoder": spread(autoencoder.psnr(vae.eval(), pictures).tolist()),
        "clip": asdict(clip.recall(eyes, pictures, captions, among=min(64, len(set(captions))))),
        "descriptor": {"among": len(pictures), **descriptor.recall(copies.embed, pictures)},
        "distance": distance.ranked(lpips, pictures),
    }
    with replace_whole(lab.path / FOLDER) as part:
        part.mkdir()
        tables = []
        for name in CHECKPOINTS:
            found, best, asked = regenerations(lab, name, copies, scratch().parent / "generations")
            figures[name] = judged(found) | {"captions": follows(eyes, asked, captions)}
            tables.append(found.assign(checkpoint=name))
            sheets.regenerations(lab, best, found).save(part / f"regenerations-{name}.png")
            sheets.asked(asked).save(part / f"captions-{name}.png")
        sheets.hands(lab).save(part / "hands.png")
        with replace_whole(part / SCORES) as file:
            pd.concat(tables).to_parquet(file, index=False)
        (part / FIGURES).write_text(json.dumps(figures, indent=1) + "\n")


def regenerations(
    lab: Lab, name: str, copies: descriptors.Descriptor, scratch: Path
) -> tuple[pd.DataFrame, dict[str, Tensor], dict[str, Tensor]]:
    """Scores of checkpoint ``name``: all planted, twins and held out, and pictures seen once.

    Every picture is asked for by its own caption. Of the pictures seen once those are taken that
    share a caption with one of the others: they cost no further generation. Also returned are the
    best generation of the pictures that a sheet shows, and the first for each held-out caption.
    """
    chosen = [row for row in lab.rows if row.split != "once"]
    captions = list(dict.fromkeys(row.caption for row in chosen))
    known = set(captions)
    rows = chosen + [row for row in lab.rows if row.split == "once" and row.caption in known]
    images = dict(zip((row.id for row in rows), lab.pictures(rows), strict=True))
    shown = {row.id for row in sheets.chosen(lab)}
    folder = lab.path / "checkpoints" / name
    wanted = {row.caption for row in rows if row.split == "held_out"}
    first: dict[str, Tensor] = {}

    def watched() -> Any:
        for caption, pictures in generations(folder, captions, lab.settings.measure, scratch):
            if caption in wanted:
                first[caption] = pictures[0]
            yield caption, pictures

    table, best = score(watched(), rows, images, copies, shown)
    return table, best, first


def judged(scores: pd.DataFrame) -> dict[str, Any]:
    """Rates of regeneration by split and multiplicity, against the checkpoint's own controls."""
    controls = scores[scores["split"] == "held_out"]
    limits = thresholds(controls)
    out: dict[str, Any] = {"thresholds": asdict(limits)}
    for split in ("once", "twin"):
        part = scores[scores["split"] == split]
        if len(part):
            out[split] = counted(pictures_regenerated(part, limits))
    out["held_out"] = asdict(rate(*chance(controls)))
    planted = scores[scores["split"] == "planted"]
    out["planted"] = {
        str(multiplicity): counted(pictures_regenerated(part, limits))
        | {"seeds": counted(limits.met(part))}
        for multiplicity, part in planted.groupby("multiplicity")
    }
    return out


def counted(hits: pd.Series) -> dict[str, Any]:
    """A boolean column as a rate with its interval."""
    return asdict(rate(int(hits.sum()), len(hits)))


def follows(
    eyes: clip_score.ClipScore, asked: dict[str, Tensor], captions: Sequence[str]
) -> dict[str, Any]:
    """CLIP score of generations for held-out captions, beside shuffled captions, paired."""
    texts = [caption for caption in dict.fromkeys(captions) if caption in asked]
    pictures = torch.stack([asked[text] for text in texts])
    order = torch.randperm(len(texts), generator=generator_of("shuffled captions"))
    likeness = eyes.embed_images(pictures) @ eyes.embed_texts(texts).T
    # No text stays its own: each gets the next one of a random ring.
    other = torch.empty_like(order)
    other[order] = order.roll(1)
    own, shuffled = likeness.diagonal(), likeness.gather(1, other[:, None])[:, 0]
    gain = (own - shuffled).double().numpy()
    interval = bootstrap((gain,), np.mean, rng=np.random.default_rng(1)).confidence_interval
    return {
        "label": eyes.info.label,
        "n": len(texts),
        "own": own.mean().item(),
        "shuffled": shuffled.mean().item(),
        "difference": float(gain.mean()),
        "low": float(interval.low),
        "high": float(interval.high),
        "p": float(wilcoxon(gain, alternative="greater").pvalue),
        "found_first": asdict(
            rate(int((likeness.argmax(1) == torch.arange(len(texts))).sum()), len(texts))
        ),
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Mean, median and the tenth of lowest values."""
    array = np.asarray(values)
    return {
        "n": len(array),
        "mean": float(array.mean()),
        "median": float(np.median(array)),
        "lowest_tenth": float(np.quantile(array, 0.1)),
    }


def weights_in(folder: Path) -> Path:
    """The one weights file of a folder that a lab's stage wrote."""
    found = [path for path in sorted(folder.glob("*")) if path.suffix in (".pt", ".safetensors")]
    if len(found) != 1:
        raise CheckpointError(
            f"{folder} should hold one weights file and holds {len(found)}. Run `dvc repro` in the "
            "lab's directory, which trains what is missing."
        )
    return found[0]


def example(rows: Sequence[Picture], count: int) -> list[Picture]:
    """``count`` rows, evenly spaced."""
    return [rows[len(rows) * k // count] for k in range(min(count, len(rows)))]
