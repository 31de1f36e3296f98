"""Samplers in the way of tools, against diffusers where the conventions are the same.

docs/interop.md compares them with k-diffusion itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    KDPM2DiscreteScheduler,
    LMSDiscreteScheduler,
    StableDiffusionPipeline,
)
from torch import Tensor

from seedwitness.config.names import TOOL_SAMPLERS
from seedwitness.engine.noise_levels import LevelTable, make_level_table
from seedwitness.engine.sampling import (
    decode_latents,
    draw_torch_noise,
    embed_prompts,
    sample_latents,
)
from seedwitness.engine.schedulers import adds_noise
from seedwitness.engine.tool_samplers import TOOLS, compute_levels, find_tool, scale_first_noise
from seedwitness.errors import ConfigError
from seedwitness.records.recipe import Recipe, count_nfe
from seedwitness.seeds.step_noise import iter_step_noise

SHAPE = (4, 8, 8)
STEPS = 12
LINSPACE = {"timestep_spacing": "linspace"}


def sample(
    pipeline: StableDiffusionPipeline, name: str, steps: int = STEPS, seed: int = 7
) -> Tensor:
    recipe = Recipe("", seed, 32, 32, name, steps, 3.0)
    return sample_latents(
        pipeline,
        embed_prompts(pipeline, ["a red fish"]),
        draw_torch_noise([seed], SHAPE),
        num_inference_steps=steps,
        guidance_scale=3.0,
        sampler=name,
        step_noise=iter_step_noise([recipe], SHAPE) if adds_noise(name, 0) else None,
        seeds=[seed],
    )


def sample_by_diffusers(
    pipeline: StableDiffusionPipeline, scheduler: Any, scale: float, steps: int = STEPS
) -> Tensor:
    """Final latents of a loop over a scheduler of diffusers, its first noise times ``scale``."""
    scheduler.set_timesteps(steps)
    generator = torch.Generator().manual_seed(7)
    x = torch.randn((1, *SHAPE), generator=generator) * scale
    states = torch.cat([embed_prompts(pipeline, [""]), embed_prompts(pipeline, ["a red fish"])])
    draws = "generator" in scheduler.step.__code__.co_varnames
    arguments = {"generator": generator} if draws else {}
    for t in scheduler.timesteps:
        with torch.no_grad():
            batch = scheduler.scale_model_input(torch.cat([x, x]), t)
            u, c = pipeline.unet(batch, t, states, return_dict=False)[0].chunk(2)
        x = scheduler.step(u + 3.0 * (c - u), t, x, **arguments, return_dict=False)[0]
    return x


def config_of(pipeline: StableDiffusionPipeline, **changes: Any) -> dict[str, Any]:
    return {**pipeline.scheduler.config, "steps_offset": 0, **changes}


@pytest.mark.parametrize(
    ("name", "scheduler_class", "settings"),
    [
        ("a1111/euler/uniform", EulerDiscreteScheduler, LINSPACE),
        ("a1111/euler/karras", EulerDiscreteScheduler, LINSPACE | {"use_karras_sigmas": True}),
        (
            "a1111/euler/exponential",
            EulerDiscreteScheduler,
            LINSPACE | {"use_exponential_sigmas": True},
        ),
        ("a1111/euler/beta", EulerDiscreteScheduler, LINSPACE | {"use_beta_sigmas": True}),
        ("a1111/euler-a/uniform", EulerAncestralDiscreteScheduler, LINSPACE),
        ("a1111/heun/uniform", HeunDiscreteScheduler, LINSPACE),
        ("a1111/heun/karras", HeunDiscreteScheduler, LINSPACE | {"use_karras_sigmas": True}),
        ("a1111/lms/uniform", LMSDiscreteScheduler, LINSPACE),
    ],
)
def test_latents_are_those_of_diffusers_with_the_same_conventions(
    tiny_pipeline: StableDiffusionPipeline, name: str, scheduler_class: Any, settings: Any
) -> None:
    scheduler = scheduler_class.from_config(config_of(tiny_pipeline, **settings))
    scheduler.set_timesteps(STEPS)
    expected = sample_by_diffusers(tiny_pipeline, scheduler, float(scheduler.sigmas[0]))
    found = sample(tiny_pipeline, name)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-4 * float(expected.abs().max()))


def test_comfyuis_2m_karras_is_the_multistep_solver_of_diffusers(
    tiny_pipeline: StableDiffusionPipeline,
) -> None:
    config = config_of(tiny_pipeline, use_karras_sigmas=True, **LINSPACE)
    scheduler = DPMSolverMultistepScheduler.from_config(config)
    expected = sample_by_diffusers(tiny_pipeline, scheduler, 1.0)
    found = sample(tiny_pipeline, "comfyui/dpmpp-2m/karras")
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-4 * float(expected.abs().max()))


def test_ddim_of_a1111_leaves_the_last_step_out(tiny_pipeline: StableDiffusionPipeline) -> None:
    scheduler = DDIMScheduler.from_config(config_of(tiny_pipeline, steps_offset=1))
    scheduler.set_timesteps(20)
    x = draw_torch_noise([7], SHAPE)
    states = torch.cat(
        [embed_prompts(tiny_pipeline, [""]), embed_prompts(tiny_pipeline, ["a red fish"])]
    )
    for t in scheduler.timesteps[:-1]:
        with torch.no_grad():
            u, c = tiny_pipeline.unet(torch.cat([x, x]), t, states, return_dict=False)[0].chunk(2)
        x = scheduler.step(u + 3.0 * (c - u), t, x, return_dict=False)[0]
    found = sample(tiny_pipeline, "a1111/ddim", steps=20)
    torch.testing.assert_close(found, x, rtol=0, atol=2e-4 * float(x.abs().max()))


STABLE_DIFFUSION = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
TABLE = make_level_table(STABLE_DIFFUSION)


def test_the_levels_are_those_of_stable_diffusion() -> None:
    assert TABLE.lowest == pytest.approx(0.0291675, abs=1e-6)
    assert TABLE.highest == pytest.approx(14.614642, abs=2e-6)


def test_timesteps_of_levels_are_their_inverse() -> None:
    every = torch.arange(1000)
    assert torch.equal(TABLE.find_timestep(TABLE.levels, nearest=True), every)
    between = torch.tensor([0.25, 10.5, 998.75])
    found = TABLE.find_timestep(TABLE.at(between), nearest=False)
    torch.testing.assert_close(found, between, rtol=0, atol=2e-2)
    assert TABLE.find_timestep(TABLE.at(torch.tensor([10.4])), nearest=True).tolist() == [10]


@pytest.mark.parametrize("name", TOOL_SAMPLERS)
def test_levels_fall_and_evaluations_are_counted(name: str) -> None:
    tool, _, schedule = find_tool(name)
    for steps in (7, 20, 30):
        levels = compute_levels(name, TABLE, steps)
        assert (levels[:-1] > levels[1:]).all()
        evaluations = _count_evaluations(name, steps)
        assert count_nfe(steps, 1.0, name) == evaluations, (name, steps)
    assert tool is TOOLS[name.split("/")[0]]
    assert schedule


def _count_evaluations(name: str, steps: int) -> int:
    from seedwitness.engine.tool_samplers import sample_by_tool

    count = 0

    def predict(x: Tensor, t: Tensor) -> Tensor:
        nonlocal count
        count += 1
        return x * 0.1

    def draws() -> Iterator[Tensor]:
        while True:
            yield torch.zeros(1, 1, 4, 4)

    found = sample_by_tool(
        name, STABLE_DIFFUSION, predict, torch.ones(1, 1, 4, 4), steps, draws(), [1]
    )
    assert found.isfinite().all()
    return count


def test_comfyui_scales_the_first_noise_by_the_variance_at_the_highest_level() -> None:
    noise, highest = torch.ones(1), TABLE.levels[-1]
    below = TABLE.levels[-2]
    assert scale_first_noise(TOOLS["comfyui"], TABLE, noise, highest) == (1 + highest**2).sqrt()
    assert scale_first_noise(TOOLS["comfyui"], TABLE, noise, below) == below
    assert scale_first_noise(TOOLS["a1111"], TABLE, noise, highest) == highest


def test_the_penultimate_level_of_dpm2_is_discarded() -> None:
    whole = compute_levels("a1111/euler/karras", TABLE, 8)
    found = compute_levels("a1111/dpm2/karras", TABLE, 7)
    assert torch.equal(found, torch.cat([whole[:-2], whole[-1:]]))


def test_a_constant_answer_is_reached_by_every_sampler() -> None:
    """Where the model sees the same clean latents at every level, a sampler ends there."""
    from seedwitness.engine.tool_samplers import sample_by_tool

    clean = torch.linspace(-1, 1, 16).reshape(1, 1, 4, 4)
    table = LevelTable(TABLE.levels)

    def predict(x: Tensor, t: Tensor) -> Tensor:
        level = table.at(t.float().reshape(1))[0]
        return (x * (level**2 + 1).sqrt() - clean) / level

    def draws() -> Iterator[Tensor]:
        generator = torch.Generator().manual_seed(3)
        while True:
            yield torch.randn((1, 1, 4, 4), generator=generator)

    for name in TOOL_SAMPLERS:
        if not name.startswith("a1111/") or name == "a1111/ddim" or "kl-optimal" in name:
            continue  # only continuous timesteps are exact, and the two end before 0
        found = sample_by_tool(
            name, STABLE_DIFFUSION, predict, torch.ones_like(clean), 10, draws(), [1]
        )
        torch.testing.assert_close(found, clean, rtol=0, atol=2e-3, msg=name)


def test_a_tools_pixels_are_cut_off_and_diffusers_are_rounded(
    tiny_pipeline: StableDiffusionPipeline,
) -> None:
    latents = draw_torch_noise([7], SHAPE)
    with torch.no_grad():
        decoded = tiny_pipeline.vae.decode(latents / tiny_pipeline.vae.config.scaling_factor).sample
    levels = ((decoded / 2 + 0.5).clamp(0, 1) * 255).numpy()
    cut = decode_latents(tiny_pipeline, latents, "a1111/euler/uniform").numpy()
    assert np.array_equal(cut, np.floor(levels).astype(np.uint8))
    rounded = decode_latents(tiny_pipeline, latents, "euler").numpy()
    assert np.array_equal(rounded, np.round(levels).astype(np.uint8))


@pytest.mark.parametrize("name", ["a1111/dpmpp-sde/karras", "comfyui/dpmpp-2m-sde/karras"])
def test_brownian_noise_follows_from_the_seed_of_each_row(
    tiny_pipeline: StableDiffusionPipeline, name: str
) -> None:
    alone = sample(tiny_pipeline, name, steps=5)
    assert torch.equal(alone, sample(tiny_pipeline, name, steps=5))
    together = sample_latents(
        tiny_pipeline,
        embed_prompts(tiny_pipeline, ["a red fish"]).expand(2, -1, -1),
        draw_torch_noise([3, 7], SHAPE),
        num_inference_steps=5,
        guidance_scale=3.0,
        sampler=name,
        seeds=[3, 7],
    )
    torch.testing.assert_close(together[1], alone[0], rtol=0, atol=3e-4)


def test_unknown_names_and_trainings_are_refused(tiny_pipeline: StableDiffusionPipeline) -> None:
    with pytest.raises(ConfigError, match="Did you mean"):
        sample(tiny_pipeline, "a1111/euler/kerras")
    with pytest.raises(ConfigError, match="know no training schedule `squaredcos_cap_v2`"):
        make_level_table({"beta_schedule": "squaredcos_cap_v2"})


def test_dpm2_is_that_of_diffusers(tiny_pipeline: StableDiffusionPipeline) -> None:
    """diffusers does not discard the penultimate level, as no tool's uniform schedule needs it."""
    scheduler = KDPM2DiscreteScheduler.from_config(config_of(tiny_pipeline, **LINSPACE))
    scheduler.set_timesteps(STEPS)
    expected = sample_by_diffusers(tiny_pipeline, scheduler, float(scheduler.sigmas[0]))
    from seedwitness.engine.noise_levels import space_evenly
    from seedwitness.engine.ode_steps import sample_dpm2
    from seedwitness.engine.tool_samplers import make_denoise

    states = torch.cat(
        [embed_prompts(tiny_pipeline, [""]), embed_prompts(tiny_pipeline, ["a red fish"])]
    )

    def predict(x: Tensor, t: Tensor) -> Tensor:
        with torch.no_grad():
            u, c = tiny_pipeline.unet(torch.cat([x, x]), t, states, return_dict=False)[0].chunk(2)
        return u + 3.0 * (c - u)

    table = make_level_table(tiny_pipeline.scheduler.config)
    levels = space_evenly(table, STEPS)
    denoise = make_denoise(predict, TOOLS["a1111"], table, "epsilon")
    x = draw_torch_noise([7], SHAPE) * levels[0]
    found = sample_dpm2(denoise, x, levels, lambda level, following: x)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-4 * float(expected.abs().max()))
