"""The denoising loss: known answers for every objective, and what it does not depend on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, FlowMatchEulerDiscreteScheduler
from PIL import Image
from torch import Tensor

from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.engine.sampling import embed_prompts
from seedwitness.errors import CheckpointError
from seedwitness.exposure.denoising_loss import (
    compute_losses,
    find_objective,
    make_noising,
    measure_losses,
)

SETTINGS = {"levels": [0.1, 0.5], "noise_seeds": 3, "resize": "stretch"}


@pytest.fixture
def loaded(tiny_checkpoint: Path) -> LoadedCheckpoint:
    settings = CheckpointSettings(family="diffusers", path=tiny_checkpoint, watch=tiny_checkpoint)
    return load_checkpoint("tiny", settings)


@pytest.fixture
def picture() -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 256, (40, 52, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def measure(loaded: LoadedCheckpoint, picture: Image.Image, prompt: str = "") -> list[float]:
    rows = measure_losses(loaded, picture, prompt, **SETTINGS)  # type: ignore[arg-type]
    return [row["loss"] for row in rows]


def set_objective(loaded: LoadedCheckpoint, name: str) -> None:
    if name == "flow_prediction":
        loaded.pipeline.scheduler = FlowMatchEulerDiscreteScheduler()
    else:
        loaded.pipeline.scheduler = DDIMScheduler.from_config(
            loaded.pipeline.scheduler.config, prediction_type=name
        )


def test_there_is_a_row_for_each_timestep_and_noise(
    loaded: LoadedCheckpoint, picture: Image.Image
) -> None:
    rows = measure_losses(loaded, picture, "a red fish", **SETTINGS)  # type: ignore[arg-type]
    assert [(row["timestep"], row["noise_seed"]) for row in rows] == [
        (timestep, seed) for timestep in (100, 500) for seed in range(3)
    ]
    assert all(row["prompt"] == "a red fish" and row["loss"] > 0 for row in rows)


def test_a_loss_depends_on_image_and_prompt_and_nothing_else(
    loaded: LoadedCheckpoint, picture: Image.Image
) -> None:
    first = measure(loaded, picture, "a red fish")
    torch.manual_seed(7)
    assert measure(loaded, picture, "a red fish") == first
    assert measure(loaded, picture) != first
    assert measure(loaded, picture.rotate(90)) != measure(loaded, picture)


@pytest.mark.parametrize("objective", ["epsilon", "v_prediction", "sample", "flow_prediction"])
def test_a_denoiser_that_knows_the_image_has_no_loss(
    loaded: LoadedCheckpoint, objective: str
) -> None:
    """The exact answer of a training by each objective, written out by the papers' formulas."""
    set_objective(loaded, objective)
    generator = torch.Generator().manual_seed(3)
    z = torch.randn((1, 4, 4, 4), generator=generator, dtype=torch.float64)
    noise = torch.randn((5, 4, 4, 4), generator=generator, dtype=torch.float64)
    t = torch.tensor([100, 300, 500, 700, 990])
    share = (t.double() / 1000)[:, None, None, None]
    alpha = DDIMScheduler.from_config(
        {**loaded.pipeline.scheduler.config, "beta_schedule": "scaled_linear"}
    ).alphas_cumprod.double()[t][:, None, None, None]
    answers: dict[str, Callable[[], Tensor]] = {
        "epsilon": lambda: noise,
        "v_prediction": lambda: alpha.sqrt() * noise - (1 - alpha).sqrt() * z,
        "sample": lambda: z.expand_as(noise),
        "flow_prediction": lambda: noise - z,
    }
    mix, read_noise = make_noising(loaded.pipeline)
    x = mix(z, noise, t)
    if objective == "flow_prediction":
        assert torch.allclose(x, (1 - share) * z + share * noise, atol=1e-6)
    predicted = read_noise(answers[objective](), x, t)
    # Near the end of the noise the image is hardly in the latents, and dividing by it rounds.
    assert torch.allclose(predicted, noise, atol=1e-3)


@pytest.mark.parametrize("objective", ["epsilon", "v_prediction", "sample", "flow_prediction"])
def test_the_loss_is_that_of_the_noise_for_every_objective(
    loaded: LoadedCheckpoint, objective: str
) -> None:
    set_objective(loaded, objective)
    assert find_objective(loaded.pipeline) == objective
    pipeline = loaded.pipeline
    z = torch.randn((1, 4, 4, 4), generator=torch.Generator().manual_seed(1))
    noise = torch.randn((2, 4, 4, 4), generator=torch.Generator().manual_seed(2))
    t = torch.tensor([200, 600])
    losses = compute_losses(pipeline, z, "a red fish", noise, t)
    mix, read_noise = make_noising(pipeline)
    for number in range(2):
        x = mix(z, noise[number : number + 1], t[number : number + 1])
        with torch.no_grad():
            output = pipeline.unet(
                x, t[number], embed_prompts(pipeline, ["a red fish"]), return_dict=False
            )[0]
        found = read_noise(output, x, t[number : number + 1])
        expected = float((found - noise[number]).square().mean())
        assert float(losses[number]) == pytest.approx(expected, rel=1e-4)


def test_an_unknown_objective_is_refused(loaded: LoadedCheckpoint, picture: Image.Image) -> None:
    config = json.loads(loaded.pipeline.scheduler.to_json_string())
    loaded.pipeline.scheduler = DDIMScheduler.from_config(config)
    loaded.pipeline.scheduler.register_to_config(prediction_type="score")
    with pytest.raises(CheckpointError, match=r"`score`.*can be measured for epsilon"):
        measure(loaded, picture)


def test_broken_weights_give_a_loss_that_is_no_number(
    loaded: LoadedCheckpoint, picture: Image.Image
) -> None:
    with torch.no_grad():
        loaded.pipeline.unet.conv_out.bias.fill_(float("nan"))
    assert np.isnan(measure(loaded, picture)).all()
