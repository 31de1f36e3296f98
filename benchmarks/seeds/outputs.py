"""Outputs of `lab-memorised` whose seeds are looked for, and the files that they become.

An output *depends on its seed* if the final latents of its recipe and of the same recipe with
another seed have a cosine similarity of at most MAX_SAMENESS; fixed before anything was measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np
from PIL import Image, ImageOps
from torch.nn.functional import cosine_similarity

from benchmarks.shared.groups import HELD_OUT, IS_IN_GROUP, MEMORISED
from seedlab.lab_folder import Lab
from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.config.reading import load_section
from seedwitness.engine.sampling import decode_latents
from seedwitness.engine.shard_computation import sample_recipes
from seedwitness.records.recipe import Recipe
from seedwitness.seeds.torch_cpu import SEED_COUNT

RNG_ALGORITHMS = ("torch-cpu", "philox-nv")
STEPS = 20
MAX_SAMENESS = 0.75
SIZE = 128
BATCH = 10


@dataclass(frozen=True)
class Output:
    """An image, its recipe, and the similarity of its latents to those of another seed."""

    recipe: Recipe
    image: Image.Image
    sameness: float


def load_memorised() -> LoadedCheckpoint:
    """Load the checkpoint that makes the outputs."""
    return load_checkpoint(MEMORISED, load_section(CheckpointSettings, "checkpoints", MEMORISED))


def held_out_captions(lab: Lab) -> list[str]:
    """Captions of the held-out images, in alphabetical order."""
    return sorted({row.caption for row in lab.rows if IS_IN_GROUP[HELD_OUT](row)})


def draw_pairs(
    sampler: str, guidance: float, count: int, captions: Sequence[str], seed: int
) -> list[tuple[Recipe, Recipe]]:
    """Pairs of recipes that differ in the seed; seed, RNG algorithm and caption are random."""
    generator = np.random.default_rng([seed, round(10 * guidance), *sampler.encode()])
    first = [
        Recipe(
            prompt=str(generator.choice(captions)),
            seed=int(generator.integers(SEED_COUNT)),
            width=SIZE,
            height=SIZE,
            sampler=sampler,
            steps=STEPS,
            guidance=guidance,
            rng=str(generator.choice(list(RNG_ALGORITHMS))),
        )
        for _ in range(count)
    ]
    return [(recipe, replace(recipe, seed=int(generator.integers(SEED_COUNT)))) for recipe in first]


def make_outputs(
    loaded: LoadedCheckpoint, pairs: Sequence[tuple[Recipe, Recipe]]
) -> Iterator[Output]:
    """The images of both recipes of each pair."""
    for start in range(0, len(pairs), BATCH):
        batch = pairs[start : start + BATCH]
        recipes = [recipe for pair in batch for recipe in pair]
        latents, _ = sample_recipes(loaded, recipes)
        rows = latents.flatten(1)
        for number, recipe in enumerate(recipes):
            other = rows[number ^ 1]
            pixels = decode_latents(loaded.pipeline, latents[number : number + 1])[0]
            yield Output(
                recipe,
                Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()),
                float(cosine_similarity(rows[number], other, dim=0)),
            )


def list_files(image: Image.Image) -> Iterator[tuple[str, Image.Image]]:
    """The image as it is found: in other file types, resized, cropped, mirrored, with a border.

    Nothing but the image itself is of the size that was sampled: the scan has to find the rest.
    """
    yield "PNG", image
    for kind, quality in (("JPEG", 90), ("JPEG", 75), ("JPEG", 50), ("WEBP", 80)):
        file = BytesIO()
        image.save(file, kind, quality=quality)
        name = "WebP" if kind == "WEBP" else kind
        yield f"{name} {quality}", Image.open(file).convert("RGB")
    small = image.resize((3 * image.width // 4, 3 * image.height // 4), Image.Resampling.LANCZOS)
    yield "resized to 3/4 and back", small.resize(image.size, Image.Resampling.BICUBIC)
    yield "resized to 3/4", small
    yield "doubled", image.resize((2 * image.width, 2 * image.height), Image.Resampling.BICUBIC)
    yield "mirrored", ImageOps.mirror(image)
    yield "white border", ImageOps.expand(image, (7, 12, 7, 20), "white")
    margin = image.width // 10
    right, bottom = image.width - margin, image.height - margin
    yield "middle 80 %", image.crop((margin, margin, right, bottom))
    yield "lower left 80 %", image.crop((0, 2 * margin, image.width - 2 * margin, image.height))
    yield "80 %, off the middle", image.crop((margin + 5, margin - 5, right + 5, bottom - 5))
