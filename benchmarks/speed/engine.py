"""Throughput of the engine beside StableDiffusionPipeline called seed by seed: same latents.

    .venv/bin/python -m benchmarks.speed.engine [--checkpoint FOLDER] [--seeds 16] [--steps 12]

Both run in one process, in turns, on the same checkpoint; figures are medians over the rounds.
Without a folder the checkpoint is untrained but of the lab's architecture: the time does not depend
on the weights.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import torch

from benchmarks.shared.measurement import print_figures
from seedlab import autoencoder, diffusion
from seedlab.tokenizer import train_tokenizer
from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.engine.shard_computation import sample_recipes
from seedwitness.records.recipe import Recipe


def main() -> None:
    """Measure, and write one JSON object to stdout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.checkpoint or save_untrained_checkpoint(Path(scratch) / "lab")
        loaded = load_checkpoint("benchmark", CheckpointSettings(family="diffusers", path=folder))
    recipes = [
        Recipe(
            prompt="a red fish",
            seed=seed,
            width=loaded.checkpoint.width,
            height=loaded.checkpoint.height,
            sampler="ddim",
            steps=arguments.steps,
            guidance=arguments.guidance,
        )
        for seed in range(arguments.seeds)
    ]
    samplers: dict[str, Callable[[], torch.Tensor]] = {
        "engine": lambda: sample_recipes(loaded, recipes)[0],
        "pipeline": lambda: torch.cat([sample_with_diffusers(loaded, r) for r in recipes]),
    }
    batched, single = (sample() for sample in samplers.values())  # the first round warms up
    seconds: dict[str, list[float]] = {name: [] for name in samplers}
    processor: dict[str, list[float]] = {name: [] for name in samplers}
    for _ in range(arguments.rounds):
        for name, sample in samplers.items():
            clock_start, processor_start = perf_counter(), process_time()
            sample()  # the result is on the CPU, so the device has finished
            seconds[name].append(perf_counter() - clock_start)
            processor[name].append(process_time() - processor_start)
    medians = {name: median(times) for name, times in seconds.items()}
    print_figures(
        {
            "threads": torch.get_num_threads(),
            "device": str(loaded.pipeline.device),
            "latents": list(loaded.latent_shape(recipes[0].width, recipes[0].height)),
            "seeds": arguments.seeds,
            "steps": arguments.steps,
            "guidance": arguments.guidance,
            "rounds": arguments.rounds,
            "seconds_an_image": {
                name: round(value / len(recipes), 4) for name, value in medians.items()
            },
            "speedup": round(medians["pipeline"] / medians["engine"], 2),
            "speedup_of_each_round": [
                round(slow / fast, 2)
                for slow, fast in zip(seconds["pipeline"], seconds["engine"], strict=True)
            ],
            # Other programs on this machine affect the clock, and hardly the processor time.
            "speedup_in_processor_time": round(
                median(processor["pipeline"]) / median(processor["engine"]), 2
            ),
            "largest_difference": float((batched - single).abs().max()),
            "bit_equal_at_batch_1": torch.equal(sample_recipes(loaded, recipes[:1])[0], single[:1]),
        }
    )


def sample_with_diffusers(loaded: LoadedCheckpoint, recipe: Recipe) -> torch.Tensor:
    """Latents of one recipe by plain diffusers: [1, c, h, w]."""
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


def save_untrained_checkpoint(folder: Path) -> Path:
    """Save a checkpoint of the lab's architecture with initial weights; returns its folder."""
    tokenizer = train_tokenizer(["a red fish", "a blue lighthouse"])
    model = diffusion.build_networks(diffusion.DiffusionSettings(), tokenizer, 8, 16)
    vae = autoencoder.build_autoencoder(autoencoder.AutoencoderSettings(), 128)
    diffusion.save_pipeline(model, vae, tokenizer, folder)
    return folder


if __name__ == "__main__":
    main()
