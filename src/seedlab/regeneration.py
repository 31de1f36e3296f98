"""Does a checkpoint bring a picture back from its caption? Many seeds, two distances, one rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pandas as pd
import safetensors.torch
from diffusers import StableDiffusionPipeline
from torch import Tensor
from tqdm import tqdm

from seedlab.training import device
from seedlab.truth import Picture
from seedwitness.engine.sampling import decode_latents, embed_prompts, sample_latents, torch_noise
from seedwitness.metrics import descriptor as descriptors
from seedwitness.metrics.patch_l2 import patch_l2
from seedwitness.runtime.files import replace_whole, sha256_file
from seedwitness.statistics.rates import lowest_point

ALPHA = 0.01


@dataclass(frozen=True)
class Measure:
    """How checkpoints are sampled: ``seeds`` pictures a caption, ``batch`` pictures at a time."""

    seeds: int = 16
    steps: int = 20
    guidance: float = 3.0
    batch: int = 64
    shown: int = 6


@dataclass(frozen=True)
class Thresholds:
    """A generation that is at or below both distances is a regeneration."""

    descriptor: float
    patch_l2: float

    def met(self, scores: pd.DataFrame) -> pd.Series:
        """Which rows of ``scores`` are regenerations."""
        near = scores["descriptor"] <= self.descriptor
        return near & (scores["patch_l2"] <= self.patch_l2)


def thresholds(controls: pd.DataFrame) -> Thresholds:
    """1 % points of the controls' best distances, each over all seeds of a control."""
    best = controls.groupby("id")[["descriptor", "patch_l2"]].min()
    return Thresholds(
        lowest_point(best["descriptor"].tolist(), ALPHA),
        lowest_point(best["patch_l2"].tolist(), ALPHA),
    )


def pictures_regenerated(scores: pd.DataFrame, limits: Thresholds) -> pd.Series:
    """For each picture, whether any of its seeds regenerates it: a boolean indexed by id."""
    return limits.met(scores).groupby(scores["id"]).any()


def generations(
    folder: Path, captions: Sequence[str], settings: Measure, scratch: Path
) -> Iterator[tuple[str, Tensor]]:
    """Each caption with its pictures, one a seed from 0: uint8 [seeds, 3, height, width].

    Latents are kept under ``scratch`` caption by caption, so nothing is generated twice after a
    kill. The key is of the weights, the caption and the settings.
    """
    pipeline = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipeline = pipeline.to(device())
    weights = [
        sha256_file(folder / part)
        for part in (
            "unet/diffusion_pytorch_model.safetensors",
            "text_encoder/model.safetensors",
        )
    ]
    recipe = [*weights, settings.seeds, settings.steps, settings.guidance]
    unet = pipeline.unet.config
    noise = torch_noise(
        range(settings.seeds), (unet.in_channels, unet.sample_size, unet.sample_size)
    )

    def kept(caption: str) -> Path:
        return scratch / f"{sha256(repr([*recipe, caption]).encode()).hexdigest()[:24]}.safetensors"

    bar = tqdm(captions, folder.name, mininterval=10)
    together = max(1, settings.batch // settings.seeds)
    for start in range(0, len(captions), together):
        group = captions[start : start + together]
        missing = [caption for caption in group if not kept(caption).exists()]
        if missing:
            embeddings = embed_prompts(pipeline, missing).repeat_interleave(settings.seeds, dim=0)
            latents = sample_latents(
                pipeline,
                embeddings,
                noise.repeat(len(missing), 1, 1, 1),
                num_inference_steps=settings.steps,
                guidance_scale=settings.guidance,
            ).cpu()
            parts = latents.split(settings.seeds)
            for caption, part in zip(missing, parts, strict=True):
                with replace_whole(kept(caption)) as temporary:
                    safetensors.torch.save_file({"latents": part.contiguous()}, temporary)
        for caption in group:
            latents = safetensors.torch.load_file(kept(caption))["latents"]
            bar.update()
            yield caption, decode_latents(pipeline, latents.to(pipeline.device))
    bar.close()


def score(
    made: Iterator[tuple[str, Tensor]],
    rows: Sequence[Picture],
    images: dict[str, Tensor],
    descriptor: descriptors.Descriptor,
    keep: set[str],
) -> tuple[pd.DataFrame, dict[str, Tensor]]:
    """Distances of every generation to the pictures that have its caption, and the best of some.

    Returns one row a picture and seed (``descriptor`` is 1 − cosine, ``patch_l2`` as in
    Carlini et al.), and for the ids in ``keep`` the generation with the smallest descriptor
    distance.
    """
    by_caption: dict[str, list[Picture]] = {}
    for row in rows:
        by_caption.setdefault(row.caption, []).append(row)
    records, best = [], {}
    for caption, pictures in made:
        found = descriptor.embed(pictures)  # [seeds, d]
        for row in by_caption[caption]:
            target = images[row.id][None]
            far = 1 - (found @ descriptor.embed(target).T)[:, 0]
            tiles = patch_l2(pictures.float() / 255, target.float() / 255)
            if row.id in keep:
                best[row.id] = pictures[int(far.argmin())]
            records += [
                {
                    "id": row.id,
                    "split": row.split,
                    "multiplicity": row.multiplicity,
                    "seed": seed,
                    "descriptor": float(far[seed]),
                    "patch_l2": float(tiles[seed]),
                }
                for seed in range(len(pictures))
            ]
    return pd.DataFrame(records), best


def halves(ids: Sequence[str]) -> tuple[set[str], set[str]]:
    """Ids in two halves, by their hash: thresholds from one judge the other."""
    ordered = sorted(ids, key=lambda name: sha256(name.encode()).hexdigest())
    return set(ordered[::2]), set(ordered[1::2])


def chance(controls: pd.DataFrame) -> tuple[int, int]:
    """Controls that are called regenerated by the thresholds of the other half, and how many.

    Cross-fitted: no control is judged by a threshold that it helped to set.
    """
    hits = 0
    first, second = halves(sorted(controls["id"].unique()))
    for judged, judging in ((first, second), (second, first)):
        limits = thresholds(controls[controls["id"].isin(judging)])
        hits += int(pictures_regenerated(controls[controls["id"].isin(judged)], limits).sum())
    return hits, len(first) + len(second)
