"""Sample a checkpoint by captions and decide which pictures it regenerates.

Each caption is sampled with many seeds. A generation is a regeneration where two distances to the
picture, descriptor distance and patch-L2, are both at or below thresholds from controls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pandas as pd
import safetensors.torch
from diffusers import StableDiffusionPipeline
from torch import Tensor
from tqdm import tqdm

from seedlab.ground_truth import PictureRecord
from seedlab.training import describe_computation
from seedwitness.engine.sampling import (
    decode_latents,
    draw_torch_noise,
    embed_prompts,
    sample_latents,
)
from seedwitness.metrics.descriptor import Descriptor
from seedwitness.metrics.patch_l2 import patch_l2
from seedwitness.runtime.devices import default_device
from seedwitness.runtime.files import replace_whole
from seedwitness.runtime.hashes import sha256_file
from seedwitness.statistics.rates import find_threshold

ALPHA = 0.01


@dataclass(frozen=True)
class MeasureSettings:
    """How checkpoints are sampled: ``seeds`` pictures for each caption, ``batch`` at a time.

    ``steps`` and ``guidance`` are those of DDIM. ``shown`` is the number of pictures of each kind
    on a sheet. In a drawn world, ``ordinary`` captions that no training saw are sampled once each,
    at ``ordinary_guidance``.
    """

    seeds: int = 16
    steps: int = 20
    guidance: float = 3.0
    batch: int = 64
    shown: int = 6
    ordinary: int = 1000
    ordinary_guidance: float = 4.0


@dataclass(frozen=True)
class RegenerationThresholds:
    """Largest distances of a regeneration; a generation must be within both."""

    descriptor: float
    patch_l2: float

    def mark_regenerations(self, scores: pd.DataFrame) -> pd.Series:
        """Boolean for each row of ``scores``: whether the generation is a regeneration."""
        is_near = scores["descriptor"] <= self.descriptor
        return is_near & (scores["patch_l2"] <= self.patch_l2)


def compute_thresholds(controls: pd.DataFrame) -> RegenerationThresholds:
    """1 % points of the controls' smallest distances, each over all seeds of a control."""
    smallest = controls.groupby("id")[["descriptor", "patch_l2"]].min()
    return RegenerationThresholds(
        find_threshold(smallest["descriptor"].tolist(), ALPHA),
        find_threshold(smallest["patch_l2"].tolist(), ALPHA),
    )


def mark_regenerated_pictures(
    scores: pd.DataFrame, thresholds: RegenerationThresholds
) -> pd.Series:
    """Boolean for each picture, by id: whether at least one of its seeds regenerates it."""
    return thresholds.mark_regenerations(scores).groupby(scores["id"]).any()


def generate_pictures(
    folder: Path, captions: Sequence[str], settings: MeasureSettings, scratch: Path
) -> Iterator[tuple[str, Tensor]]:
    """Yield each caption with its generations for seeds 0, 1, …: uint8 [seeds, 3, height, width].

    Latents are cached under ``scratch``, one file a caption, so an interrupted measurement does not
    generate them twice. The key names weights, caption, settings, code, libraries and device.
    """
    pipeline = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipeline = pipeline.to(default_device())
    weights = [
        sha256_file(folder / part)
        for part in (
            "unet/diffusion_pytorch_model.safetensors",
            "text_encoder/model.safetensors",
        )
    ]
    key = [*weights, settings.seeds, settings.steps, settings.guidance, settings.batch]
    key += sorted(describe_computation("seedwitness.engine.sampling").items())
    unet = pipeline.unet.config
    noise = draw_torch_noise(
        range(settings.seeds), (unet.in_channels, unet.sample_size, unet.sample_size)
    )

    def latent_file(caption: str) -> Path:
        return scratch / f"{sha256(repr([*key, caption]).encode()).hexdigest()[:24]}.safetensors"

    bar = tqdm(captions, folder.name, mininterval=10)
    captions_per_batch = max(1, settings.batch // settings.seeds)
    for start in range(0, len(captions), captions_per_batch):
        batch = captions[start : start + captions_per_batch]
        missing = [caption for caption in batch if not latent_file(caption).exists()]
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
                with replace_whole(latent_file(caption)) as temporary:
                    safetensors.torch.save_file({"latents": part.contiguous()}, temporary)
        for caption in batch:
            latents = safetensors.torch.load_file(latent_file(caption))["latents"]
            bar.update()
            yield caption, decode_latents(pipeline, latents.to(pipeline.device))
    bar.close()


def score_generations(
    generations: Iterable[tuple[str, Tensor]],
    rows: Sequence[PictureRecord],
    images: dict[str, Tensor],
    descriptor: Descriptor,
    shown_ids: set[str],
) -> tuple[pd.DataFrame, dict[str, Tensor]]:
    """Distances of each generation to the pictures that have its caption.

    Returns a table with one row for each picture and seed (``descriptor`` is 1 − cosine,
    ``patch_l2`` as in Carlini et al.), and for ``shown_ids`` the generation with the smallest
    descriptor distance.
    """
    by_caption: dict[str, list[PictureRecord]] = {}
    for row in rows:
        by_caption.setdefault(row.caption, []).append(row)
    records, nearest = [], {}
    for caption, pictures in generations:
        embedded = descriptor.embed(pictures)  # [seeds, d]
        for row in by_caption[caption]:
            target = images[row.id][None]
            distances = 1 - (embedded @ descriptor.embed(target).T)[:, 0]
            patch_distances = patch_l2(pictures.float() / 255, target.float() / 255)
            if row.id in shown_ids:
                nearest[row.id] = pictures[int(distances.argmin())]
            records += [
                {
                    "id": row.id,
                    "split": row.split,
                    "multiplicity": row.multiplicity,
                    "seed": seed,
                    "descriptor": float(distances[seed]),
                    "patch_l2": float(patch_distances[seed]),
                }
                for seed in range(len(pictures))
            ]
    return pd.DataFrame(records), nearest


def split_by_hash(ids: Sequence[str]) -> tuple[set[str], set[str]]:
    """Two halves of ``ids``, in the order of their SHA-256."""
    ordered = sorted(ids, key=lambda name: sha256(name.encode()).hexdigest())
    return set(ordered[::2]), set(ordered[1::2])


def count_control_hits(controls: pd.DataFrame) -> tuple[int, int]:
    """Number of controls that count as regenerated, and of all controls, by cross-fitting.

    The thresholds for each half come from the other half, so no control is judged by a threshold
    that it influenced.
    """
    hits = 0
    first, second = split_by_hash(sorted(controls["id"].unique()))
    for tested, reference in ((first, second), (second, first)):
        thresholds = compute_thresholds(controls[controls["id"].isin(reference)])
        scores = controls[controls["id"].isin(tested)]
        hits += int(mark_regenerated_pictures(scores, thresholds).sum())
    return hits, len(first) + len(second)
