"""Denoising losses, features and statistics of membership of a lab's images, one row an image."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from benchmarks.detectors.detector_figures import load_lab_checkpoint
from benchmarks.shared.groups import EXPOSURES, HELD_OUT, MEMORISED, REFERENCE
from benchmarks.shared.labs import images_by_group
from benchmarks.shared.result_cache import ResultCache
from seedlab.ground_truth import PictureRecord
from seedlab.lab_folder import Lab
from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.exposure import ExposeSettings
from seedwitness.detectors import DETECTORS
from seedwitness.detectors.probe import Probe
from seedwitness.engine.sampling import (
    decode_latents,
    draw_torch_noise,
    embed_prompts_separately,
    sample_latents,
)
from seedwitness.exposure import blind_features, denoising_loss
from seedwitness.exposure.blind_features import describe_image
from seedwitness.exposure.denoising_loss import measure_losses
from seedwitness.imaging.decoding import hash_pixels

OWN_OUTPUTS = "own outputs"
"""Images that ``lab-memorised`` made under captions of held-out images."""

FIRST_SEED = 3_000_000_000
STEPS, GUIDANCE = 20, 3.0
SETTINGS = ExposeSettings()
STATISTICS = ("clid", "secmi", "pia", "pian", "sima")
"""Published statistics that are no denoising loss by themselves."""

PROMPTS = ("caption", "empty")
LOSS, STATISTIC = "loss", "membership"
CODE = {
    LOSS: [denoising_loss.__name__, blind_features.__name__],
    STATISTIC: [DETECTORS[name].statistic.__module__ for name in STATISTICS],
}
Row = dict[str, Any]


def measure_lab(
    lab: Lab, planted: int, others: int, negatives: int, statistics: int, scratch: Path
) -> tuple[list[Row], Mapping[str, LoadedCheckpoint]]:
    """One row an image, and the two checkpoints.

    ``planted``, ``others`` and ``negatives`` are numbers of images of each exposure, of each group
    that was not planted, and of held-out ones. Statistics of membership are measured for the first
    ``statistics`` of the held-out images and for all others.
    """
    loaded = {name: load_lab_checkpoint(lab, name) for name in (MEMORISED, REFERENCE)}
    key = {
        "checkpoints": {name: each.checkpoint.sha256 for name, each in loaded.items()},
        "settings": SETTINGS.model_dump(mode="json"),
        "device": str(loaded[MEMORISED].pipeline.device),
    }
    cache = ResultCache(scratch, key, CODE, [Path(__file__)])
    rows: list[Row] = []
    images = list(iter_images(lab, loaded[MEMORISED], planted, others, negatives))
    seen_negatives = 0
    for group, about, image in tqdm(images, disable=None):
        pixels = hash_pixels(image)
        [row] = cache.rows(LOSS, pixels, about.caption, partial(_measure, loaded, about, image))
        seen_negatives += group == HELD_OUT
        values: Row = {}
        if group != HELD_OUT or seen_negatives <= statistics:
            [values] = cache.rows(
                STATISTIC, pixels, about.caption, partial(_detect, loaded, about.caption, image)
            )
        rows.append({"group": group, "id": about.id, "artist": about.artist, **row, **values})
    return rows, loaded


def iter_images(
    lab: Lab, maker: LoadedCheckpoint, planted: int, others: int, negatives: int
) -> Iterator[tuple[str, PictureRecord, Image.Image]]:
    """Group, record and image of everything that is measured."""
    sizes = dict.fromkeys(EXPOSURES, planted)
    sizes |= {"once": others, "twins": others, HELD_OUT: negatives}
    groups = images_by_group(lab)
    for group, rows in groups.items():
        chosen = rows[: sizes[group]]
        for row, pixels in zip(chosen, lab.load_or_draw(chosen), strict=True):
            yield group, row, _to_image(pixels)
    captions = groups[HELD_OUT][-others:]
    for row, pixels in zip(captions, make_outputs(maker, captions), strict=True):
        yield OWN_OUTPUTS, row, _to_image(pixels)


def make_outputs(maker: LoadedCheckpoint, rows: Sequence[PictureRecord]) -> Tensor:
    """What a checkpoint makes of captions, by DDIM: uint8 [n, 3, height, width]."""
    shape = maker.latent_shape(maker.checkpoint.width, maker.checkpoint.height)
    noise = draw_torch_noise(range(FIRST_SEED, FIRST_SEED + len(rows)), shape)
    pipeline = maker.pipeline
    latents = [
        sample_latents(
            pipeline,
            embed_prompts_separately(pipeline, [row.caption for row in rows[k : k + 16]]),
            noise[k : k + 16],
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE,
            sampler="ddim",
        )
        for k in range(0, len(rows), 16)
    ]
    return torch.cat([decode_latents(pipeline, each) for each in latents])


def _to_image(pixels: Tensor) -> Image.Image:
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())


def _measure(
    loaded: Mapping[str, LoadedCheckpoint], about: PictureRecord, image: Image.Image
) -> list[Row]:
    row: Row = {}
    for name, checkpoint in loaded.items():
        for kind, prompt in zip(PROMPTS, (about.caption, ""), strict=True):
            losses = measure_losses(
                checkpoint,
                image,
                prompt,
                levels=SETTINGS.levels,
                noise_seeds=SETTINGS.noises,
                resize="stretch",
            )
            row[f"{name} {kind}"] = float(np.mean([each["loss"] for each in losses]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.png"
        image.save(path)
        row["features"] = describe_image(path, about.caption)
    return [row]


def _detect(loaded: Mapping[str, LoadedCheckpoint], caption: str, image: Image.Image) -> list[Row]:
    """Each statistic on both checkpoints, under the caption, with four noises where it has any."""
    target = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
    row: Row = {}
    for name, checkpoint in loaded.items():
        shape = checkpoint.latent_shape(target.shape[-1], target.shape[-2])
        noise = draw_torch_noise(range(SETTINGS.noises), shape)
        for statistic in STATISTICS:
            probe = Probe(checkpoint.pipeline, caption, target=target)
            row[f"{name} {statistic}"] = DETECTORS[statistic](probe, noise)
            row[f"nfe {statistic}"] = probe.nfe
    return [row]
