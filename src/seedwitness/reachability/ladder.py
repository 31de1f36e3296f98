"""The reachability ladder: how near a checkpoint comes to a picture the more of it is shown.

From the autoencoder's round trip, in which all of the picture is shown, over image to image with
ever less of it left; and on from there with nothing shown and ever fewer words. Every picture is
reached at the foot of the ladder, so that is no evidence; what tells is how a target stands among
controls that climb the same ladder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import ReachSettings, SearchSettings
from seedwitness.engine.sampling import decode_latents, embed_each, encode_pictures, sample_latents
from seedwitness.imaging import alignment
from seedwitness.metrics import scoring
from seedwitness.reachability.guided import image_to_image, nearest_latents
from seedwitness.seeds.torch_cpu import draw_noise

ROUND_TRIP, GRADIENT, IMAGE_TO_IMAGE = "round trip", "gradient", "image to image"
WORDS = "words alone"
SHARES = (1.0, 0.5, 0.25, 0.0)
"""Of a prompt's phrases, or of its words where it has no three phrases, the first ones."""


@dataclass(frozen=True)
class Rung:
    """One way to reach pictures: what came of each of them, uint8 [n, 3, height, width].

    ``strength`` is that of image to image, or the share of the prompt that is left with words
    alone; ``seed`` is theirs. Both are 0 elsewhere, and ``prompts``, one a picture, empty.
    """

    name: str
    strength: float
    seed: int
    prompts: tuple[str, ...]
    images: Tensor


def pixels_for_search(
    loaded: LoadedCheckpoint, picture: Image.Image, search: SearchSettings
) -> Tensor:
    """A picture at the size that a search makes, uint8 [3, height, width], by its rule."""
    width = search.width or loaded.checkpoint.width
    height = search.height or loaded.checkpoint.height
    loaded.latent_shape(width, height)
    return alignment.resize_to_tensor(picture, width, height, search.resize)


def climb_ladder(
    loaded: LoadedCheckpoint,
    pictures: Tensor,
    prompts: Sequence[str],
    settings: ReachSettings,
    search: SearchSettings,
) -> list[Rung]:
    """Every rung for ``pictures``, uint8 [n, 3, height, width], each with its prompt.

    Steps, guidance, sampler and size of a batch are a search's. A strength of 1 is not blind: the
    first step's noise still has a trace of the picture in it (Lin et al., WACV 2024). Without
    strengths there is no ladder.
    """
    if not settings.strengths:
        return []
    pipeline, parts = loaded.pipeline, torch.arange(len(pictures)).split(search.batch)
    latents = torch.cat([encode_pictures(pipeline, pictures[part]) for part in parts])
    shape, kind = tuple(latents.shape[1:]), pipeline.unet.dtype

    def decoded(rows: Sequence[Tensor]) -> Tensor:
        held = [each.to(pipeline.device, kind) for each in rows]
        return torch.cat([decode_latents(pipeline, each) for each in held])

    none = ("",) * len(pictures)
    found = [Rung(ROUND_TRIP, 0.0, 0, none, decoded([latents[part] for part in parts]))]
    if settings.gradient_steps:
        nearest = [
            nearest_latents(pipeline, pictures[part], latents[part], settings.gradient_steps)
            for part in parts
        ]
        found.append(Rung(GRADIENT, 0.0, 0, none, decoded(nearest)))
    embeddings = embed_each(pipeline, prompts)
    for strength in settings.strengths:
        for seed in range(settings.seeds):
            drawn = draw_noise(seed, 0, shape, kind)
            rows = [
                image_to_image(
                    pipeline,
                    embeddings[part],
                    latents[part].to(kind),
                    drawn.expand(len(part), *shape),
                    strength=strength,
                    num_inference_steps=search.steps,
                    guidance_scale=search.guidance,
                    sampler=search.sampler,
                )
                for part in parts
            ]
            found.append(Rung(IMAGE_TO_IMAGE, strength, seed, tuple(prompts), decoded(rows)))
    for share in SHARES if settings.specificity_seeds else ():
        fewer = tuple(shorten_prompt(prompt, share) for prompt in prompts)
        embeddings = embed_each(pipeline, fewer)
        for seed in range(settings.specificity_seeds):
            drawn = draw_noise(seed, 0, shape, kind)
            rows = [
                sample_latents(
                    pipeline,
                    embeddings[part],
                    drawn.expand(len(part), *shape),
                    num_inference_steps=search.steps,
                    guidance_scale=search.guidance,
                    sampler=search.sampler,
                )
                for part in parts
            ]
            found.append(Rung(WORDS, share, seed, fewer, decoded(rows)))
    return found


def shorten_prompt(prompt: str, share: float) -> str:
    """The first ``share`` of a prompt's phrases; of its words, where it has no three phrases.

    Rounded up, so that only a share of 0 leaves nothing.
    """
    phrases = [each.strip() for each in prompt.split(",")]
    if len(phrases) >= 3:
        return ", ".join(phrases[: ceil(share * len(phrases))])
    words = prompt.split()
    return " ".join(words[: ceil(share * len(words))]).rstrip(",")


def score_ladder(
    metrics: Mapping[str, scoring.Metric], rungs: Sequence[Rung], number: int, target: Tensor
) -> list[dict[str, Any]]:
    """A row of ``records.REACH`` for every rung and metric: what came of picture ``number``."""
    if not rungs:
        return []
    names = [str(place) for place in range(len(rungs))]
    made = torch.stack([rung.images[number] for rung in rungs])
    asked = [rung.prompts[number] for rung in rungs]
    rows = []
    for row in scoring.score_trials(metrics, names, made, asked, alignment.make_alignments(target)):
        rung = rungs[int(row.pop("trial"))]
        about = {"rung": rung.name, "strength": rung.strength, "seed": rung.seed}
        rows.append({**about, "prompt": rung.prompts[number], **row})
    return rows
