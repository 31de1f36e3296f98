"""Compares the engine's samplers with diffusers and k-diffusion, and writes the page.

    make bench-interop

The checkpoint is the lab's; every recipe is made once by the engine and once by the reference.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.interop.page import render_page
from benchmarks.interop.references import iter_k_diffusion_names, sample_by_k_diffusion
from benchmarks.shared.measurement import ROOT, write_page
from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.engine.sampling import decode_latents
from seedwitness.engine.schedulers import SAMPLERS
from seedwitness.engine.shard_computation import sample_recipes
from seedwitness.records.recipe import Recipe

CHECKPOINT = Path("data/lab/checkpoints/lab-memorised")
DTYPES = ("float32", "bfloat16")
PROMPT, SEED, STEPS, GUIDANCE = "a heron, at dawn, in wet ink", 7, 12, 5.0


def measure_part(part: str, _: Path) -> dict[str, Any]:
    """Compare all samplers of one reference."""
    warnings.simplefilter("ignore")
    rows = compare_with_diffusers() if part == "diffusers" else compare_with_k_diffusion()
    return {"prompt": PROMPT, "seed": SEED, "steps": STEPS, "guidance": GUIDANCE, "rows": rows}


def compare_with_diffusers() -> list[dict[str, Any]]:
    """Every sampler against StableDiffusionPipeline with diffusers' scheduler."""
    sys.path.insert(0, str(ROOT / "tests" / "helpers"))
    reference = import_module("schedulers").REFERENCE
    rows = []
    for dtype in DTYPES:
        loaded = _load(dtype)
        pipeline = loaded.pipeline
        own = pipeline.scheduler
        for name in SAMPLERS:
            recipe = _make_recipe(loaded, name, dtype)
            (latents,), _ = sample_recipes(loaded, [recipe])
            pipeline.scheduler = reference[name](own.config)
            found, images = (
                pipeline(
                    PROMPT,
                    num_inference_steps=STEPS,
                    guidance_scale=GUIDANCE,
                    width=recipe.width,
                    height=recipe.height,
                    generator=torch.Generator().manual_seed(SEED),
                    output_type=kind,
                ).images
                for kind in ("latent", "np")
            )
            pipeline.scheduler = own
            pixels = torch.from_numpy((images * 255).round().astype(np.uint8)).permute(0, 3, 1, 2)
            rows.append(_compare(loaded, name, dtype, latents[None], found, pixels))
    return rows


def compare_with_k_diffusion() -> list[dict[str, Any]]:
    """The tools' samplers against k-diffusion with the tools' conventions, pixels cut off."""
    loaded = _load("float32")
    rows = []
    for name in iter_k_diffusion_names():
        recipe = _make_recipe(loaded, name, "float32")
        (latents,), _ = sample_recipes(loaded, [recipe])
        expected = sample_by_k_diffusion(loaded, recipe)
        pixels = decode_latents(loaded.pipeline, expected, name)
        rows.append(_compare(loaded, name, "float32", latents[None], expected, pixels))
    return rows


def _load(dtype: str) -> LoadedCheckpoint:
    settings = CheckpointSettings.model_validate(
        {"family": "diffusers", "path": CHECKPOINT, "dtype": dtype}
    )
    return load_checkpoint("lab", settings)


def _make_recipe(loaded: LoadedCheckpoint, sampler: str, dtype: str) -> Recipe:
    sides = loaded.checkpoint.width, loaded.checkpoint.height
    return Recipe(PROMPT, SEED, *sides, sampler, STEPS, GUIDANCE, dtype=dtype)


def _compare(
    loaded: LoadedCheckpoint,
    name: str,
    dtype: str,
    latents: Tensor,
    expected: Tensor,
    expected_pixels: Tensor,
) -> dict[str, Any]:
    """The largest difference of latents, and how many values of pixels differ by how much."""
    pixels = decode_latents(loaded.pipeline, latents, name).int()
    apart = (pixels - expected_pixels.int()).abs()
    difference = (latents.double() - expected.double()).abs().max()
    sys.stderr.write(f"{name} {dtype} {float(difference):.1e} {int(apart.max())}\n")
    return {
        "sampler": name,
        "dtype": dtype,
        "latents": float(difference),
        "is_equal": bool(torch.equal(latents, expected)),
        "values": apart.numel(),
        "different": int((apart > 0).sum()),
        "largest": int(apart.max()),
    }


if __name__ == "__main__":
    write_page(__doc__ or "", ["diffusers", "k-diffusion"], measure_part, render_page)
