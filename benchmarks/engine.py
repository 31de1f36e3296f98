"""Throughput of the engine beside StableDiffusionPipeline called seed by seed: same latents.

    .venv/bin/python benchmarks/engine.py [--checkpoint FOLDER] [--seeds 16] [--steps 12]

Both run in one process, in turns, on the same checkpoint; figures are medians over the rounds.
Without a folder the checkpoint has the lab's architecture, untrained: time does not depend on it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import torch

from seedlab import autoencoder, diffusion
from seedlab.words import train_tokenizer
from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.engine.executor import sample_recipes
from seedwitness.records.recipe import Recipe


def main() -> None:
    """Measure, and write one JSON object to stdout."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.checkpoint or untrained(Path(scratch) / "lab")
        loaded = load_checkpoint("benchmark", CheckpointSettings(family="diffusers", path=folder))
    recipes = [
        Recipe(
            prompt="a red fish",
            seed=seed,
            width=loaded.checkpoint.width,
            height=loaded.checkpoint.height,
            sampler="ddim",
            steps=asked.steps,
            guidance=asked.guidance,
        )
        for seed in range(asked.seeds)
    ]
    ways: dict[str, Callable[[], torch.Tensor]] = {
        "engine": lambda: sample_recipes(loaded, recipes)[0],
        "pipeline": lambda: torch.cat([by_the_pipeline(loaded, recipe) for recipe in recipes]),
    }
    batched, single = (way() for way in ways.values())  # the first round warms up
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(asked.rounds):
        for name, way in ways.items():
            began, busy = perf_counter(), process_time()
            way()  # ends on the CPU, so the device is done
            seconds[name].append(perf_counter() - began)
            processor[name].append(process_time() - busy)
    figures = {name: median(times) / len(recipes) for name, times in seconds.items()}
    result = {
        "threads": torch.get_num_threads(),
        "device": str(loaded.pipeline.device),
        "latents": list(loaded.latent_shape(recipes[0].width, recipes[0].height)),
        "seeds": asked.seeds,
        "steps": asked.steps,
        "guidance": asked.guidance,
        "rounds": asked.rounds,
        "seconds_an_image": {name: round(value, 4) for name, value in figures.items()},
        "speedup": round(figures["pipeline"] / figures["engine"], 2),
        "speedup_of_each_round": [
            round(slow / fast, 2)
            for slow, fast in zip(seconds["pipeline"], seconds["engine"], strict=True)
        ],
        # What other programs do on this machine is in the first and hardly in this one.
        "speedup_in_processor_time": round(
            median(processor["pipeline"]) / median(processor["engine"]), 2
        ),
        "largest_difference": float((batched - single).abs().max()),
        "bit_equal_at_batch_1": torch.equal(sample_recipes(loaded, recipes[:1])[0], single[:1]),
    }
    sys.stdout.write(json.dumps(result, indent=1) + "\n")


def by_the_pipeline(loaded: LoadedCheckpoint, recipe: Recipe) -> torch.Tensor:
    """One recipe as plain diffusers runs it."""
    latents: torch.Tensor = loaded.pipeline(
        recipe.prompt,
        width=recipe.width,
        height=recipe.height,
        generator=torch.Generator().manual_seed(recipe.seed),
        num_inference_steps=recipe.steps,
        guidance_scale=recipe.guidance,
        output_type="latent",
    ).images
    return latents.cpu()


def untrained(folder: Path) -> Path:
    """A checkpoint of the lab's architecture with its first weights."""
    tokenizer = train_tokenizer(["a red fish", "a blue lighthouse"])
    model = diffusion.build(diffusion.Diffusion(), tokenizer, 8, 16)
    vae = autoencoder.build(autoencoder.Autoencoder(), 128)
    diffusion.save(model, vae, tokenizer, folder)
    return folder


if __name__ == "__main__":
    main()
