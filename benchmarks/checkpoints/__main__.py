"""Compares every family with its own pipeline, and writes the page on checkpoints.

    make bench-checkpoints

The checkpoints are small ones of the real classes, untrained, made where they are needed.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import diffusers
import numpy as np
import torch

from benchmarks.checkpoints.page import render_page
from benchmarks.shared.measurement import ROOT, write_page
from seedwitness.checkpoints.loading import load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.engine.sampling import decode_latents
from seedwitness.engine.shard_computation import sample_recipes
from seedwitness.records.recipe import Recipe

DTYPES = ("float32", "float16", "bfloat16")
SEED, STEPS, GUIDANCE, WIDTH, HEIGHT = 7, 4, 3.0, 48, 32
PROMPT = "a red fish"


def measure_part(_: str, __: Path) -> dict[str, Any]:
    """Latents and pixels of each small checkpoint by the engine and by its own pipeline."""
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(ROOT / "tests" / "helpers"))
    makers = dict(import_module("small_families").SMALL)
    makers["1"] = import_module("tiny_checkpoints").save_tiny_checkpoint
    rows = []
    with TemporaryDirectory() as name:
        for kind, save in sorted(makers.items()):
            folder = Path(name) / kind
            save(folder)
            rows += [_compare(kind, folder, dtype) for dtype in DTYPES]
    return {"steps": STEPS, "guidance": GUIDANCE, "rows": rows}


def _compare(kind: str, folder: Path, dtype: str) -> dict[str, Any]:
    settings = CheckpointSettings.model_validate(
        {"family": "diffusers", "path": folder, "dtype": dtype}
    )
    loaded = load_checkpoint("small", settings)
    recipe = Recipe(PROMPT, SEED, WIDTH, HEIGHT, "checkpoint", STEPS, GUIDANCE, dtype=dtype)
    latents, _ = sample_recipes(loaded, [recipe])
    pixels = decode_latents(loaded.pipeline, latents)
    index = json.loads((folder / "model_index.json").read_text())
    name = index["_class_name"]
    absent: dict[str, Any] = {}
    if name == "StableDiffusion3Pipeline" and index.get("text_encoder_3", [None])[0] is None:
        absent = {"text_encoder_3": None, "tokenizer_3": None}
    pipeline = getattr(diffusers, name).from_pretrained(
        folder, dtype=getattr(torch, dtype), local_files_only=True, **absent
    )
    pipeline.set_progress_bar_config(disable=True)
    arguments = {
        "prompt": PROMPT,
        "num_inference_steps": STEPS,
        "guidance_scale": GUIDANCE,
        "width": WIDTH,
        "height": HEIGHT,
    }
    generator = torch.Generator()
    expected = pipeline(
        generator=generator.manual_seed(SEED), output_type="latent", **arguments
    ).images
    if name == "FluxPipeline":
        expected = pipeline._unpack_latents(expected, HEIGHT, WIDTH, pipeline.vae_scale_factor)
    images = pipeline(generator=generator.manual_seed(SEED), output_type="np", **arguments).images
    shown = torch.from_numpy((images * 255).round().astype(np.uint8)).permute(0, 3, 1, 2)
    sys.stderr.write(f"{kind} {dtype}\n")
    return {
        "checkpoint": kind,
        "pipeline": name,
        "dtype": dtype,
        "latents": bool(torch.equal(latents, expected)),
        "pixels": bool(torch.equal(pixels, shown)),
    }


if __name__ == "__main__":
    write_page(__doc__ or "", ["families"], measure_part, render_page)
