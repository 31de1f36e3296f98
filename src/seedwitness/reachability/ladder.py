"""The reachability and specificity ladders: how near a checkpoint comes with ever less given.

The reachability ladder starts with the autoencoder's round trip, which is given the whole image,
and goes on to image to image at rising strengths, which keep less and less of it. The specificity
ladder is given no image and ever fewer words of the prompt. Every image is reached on the first
rungs, so that alone is no evidence: the target has to be compared with controls on the same rungs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import ReachSettings, SearchSettings
from seedwitness.engine.sampling import (
    decode_latents,
    embed_prompts_separately,
    encode_pictures,
    sample_latents,
)
from seedwitness.imaging import alignment
from seedwitness.metrics import scoring
from seedwitness.reachability.image_to_image import sample_from_image
from seedwitness.reachability.nearest_latent import optimise_latents
from seedwitness.records.recipe import Recipe
from seedwitness.seeds.step_noise import iter_step_noise
from seedwitness.seeds.torch_cpu import draw_noise

ROUND_TRIP, GRADIENT, IMAGE_TO_IMAGE = "round trip", "gradient", "image to image"
WORDS = "words alone"
SHARES = (1.0, 0.5, 0.25, 0.0)
"""Shares of a prompt that the specificity ladder keeps: its first phrases, or its first words if it
has fewer than three phrases."""


@dataclass(frozen=True)
class Rung:
    """One rung of a ladder: the result for each image, uint8 [n, 3, height, width].

    ``strength`` is the strength of image to image, or the share of the prompt on the rungs of words
    alone; ``seed`` is the noise seed of both. On the other rungs both are 0, and ``prompts``, one
    for each image, are empty.
    """

    name: str
    strength: float
    seed: int
    prompts: tuple[str, ...]
    images: Tensor


def resize_for_search(
    loaded: LoadedCheckpoint, picture: Image.Image, search: SearchSettings
) -> Tensor:
    """Resize an image to the size and by the rule of a search: uint8 [3, height, width]."""
    width = search.width or loaded.checkpoint.width
    height = search.height or loaded.checkpoint.height
    loaded.latent_shape(width, height)
    return alignment.resize_to_tensor(picture, width, height, search.resize)


def compute_ladder(
    loaded: LoadedCheckpoint,
    pictures: Tensor,
    prompts: Sequence[str],
    settings: ReachSettings,
    search: SearchSettings,
) -> list[Rung]:
    """Compute every rung for ``pictures``, uint8 [n, 3, height, width], each with its prompt.

    Steps, guidance, sampler and batch size are those of ``search``. A strength of 1 is not blind:
    the noise of the first step still holds a trace of the image (Lin et al., WACV 2024). The result
    is empty if ``settings`` has no strengths.
    """
    if not settings.strengths:
        return []
    pipeline, batches = loaded.pipeline, torch.arange(len(pictures)).split(search.batch)
    latents = torch.cat([encode_pictures(pipeline.vae, pictures[rows]) for rows in batches])
    shape, dtype = tuple(latents.shape[1:]), getattr(pipeline, loaded.family.denoiser).dtype

    def decode(latent_batches: Sequence[Tensor]) -> Tensor:
        return torch.cat(
            [decode_latents(pipeline, batch.to(pipeline.device, dtype)) for batch in latent_batches]
        )

    no_prompts = ("",) * len(pictures)
    round_trip = decode([latents[rows] for rows in batches])
    rungs = [Rung(ROUND_TRIP, 0.0, 0, no_prompts, round_trip)]
    if settings.gradient_steps:
        nearest = [
            optimise_latents(pipeline, pictures[rows], latents[rows], settings.gradient_steps)
            for rows in batches
        ]
        rungs.append(Rung(GRADIENT, 0.0, 0, no_prompts, decode(nearest)))
    embeddings = embed_prompts_separately(pipeline, prompts)
    for strength in settings.strengths:
        for seed in range(settings.seeds):
            noise = draw_noise(seed, 0, shape, dtype)
            results = [
                sample_from_image(
                    pipeline,
                    embeddings[rows],
                    latents[rows].to(dtype),
                    noise.expand(len(rows), *shape),
                    strength=strength,
                    num_inference_steps=search.steps,
                    guidance_scale=search.guidance,
                    sampler=search.sampler,
                    step_noise=_draw_step_noise(search, seed, dtype, shape, len(rows)),
                )
                for rows in batches
            ]
            rungs.append(Rung(IMAGE_TO_IMAGE, strength, seed, tuple(prompts), decode(results)))
    for share in SHARES if settings.specificity_seeds else ():
        shortened = tuple(shorten_prompt(prompt, share) for prompt in prompts)
        embeddings = embed_prompts_separately(pipeline, shortened)
        for seed in range(settings.specificity_seeds):
            noise = draw_noise(seed, 0, shape, dtype)
            results = [
                sample_latents(
                    pipeline,
                    embeddings[rows],
                    noise.expand(len(rows), *shape),
                    num_inference_steps=search.steps,
                    guidance_scale=search.guidance,
                    sampler=search.sampler,
                    step_noise=_draw_step_noise(search, seed, dtype, shape, len(rows)),
                )
                for rows in batches
            ]
            rungs.append(Rung(WORDS, share, seed, shortened, decode(results)))
    return rungs


def _draw_step_noise(
    search: SearchSettings, seed: int, dtype: torch.dtype, shape: tuple[int, ...], count: int
) -> Iterator[Tensor]:
    """The noise that an ancestral sampler adds after its steps, the same for all images."""
    name = str(dtype).removeprefix("torch.")
    recipe = Recipe("", seed, 0, 0, search.sampler, search.steps, search.guidance, dtype=name)
    return (noise.expand(count, *shape) for noise in iter_step_noise([recipe], shape))


def shorten_prompt(prompt: str, share: float) -> str:
    """The first ``share`` of a prompt's phrases, or of its words if it has fewer than 3 phrases.

    The number is rounded up, so only a share of 0 gives the empty prompt.
    """
    phrases = [phrase.strip() for phrase in prompt.split(",")]
    if len(phrases) >= 3:
        return ", ".join(phrases[: ceil(share * len(phrases))])
    words = prompt.split()
    return " ".join(words[: ceil(share * len(words))]).rstrip(",")


def score_ladder(
    metrics: Mapping[str, scoring.Metric], rungs: Sequence[Rung], number: int, target: Tensor
) -> list[dict[str, Any]]:
    """One row of ``records.REACH`` for every rung and metric, for image ``number`` of the rungs."""
    if not rungs:
        return []
    names = [str(index) for index in range(len(rungs))]
    images = torch.stack([rung.images[number] for rung in rungs])
    prompts = [rung.prompts[number] for rung in rungs]
    alignments = alignment.make_alignments(target)
    rows = []
    for row in scoring.score_trials(metrics, names, images, prompts, alignments):
        rung = rungs[int(row.pop("trial"))]
        columns = {"rung": rung.name, "strength": rung.strength, "seed": rung.seed}
        rows.append({**columns, "prompt": rung.prompts[number], **row})
    return rows
