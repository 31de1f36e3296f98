"""The samplers' references: diffusers' own pipeline, and k-diffusion in a folder of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.engine.sampling import embed_prompts
from seedwitness.records.recipe import Recipe

K_DIFFUSION = Path(".venv/k-diffusion")
"""Where `make bench-interop` installs it."""
SAMPLERS = {
    "euler": "euler",
    "euler-a": "euler_ancestral",
    "heun": "heun",
    "lms": "lms",
    "dpm2": "dpm_2",
    "dpm2-a": "dpm_2_ancestral",
    "dpmpp-2m": "dpmpp_2m",
    "dpmpp-2s-a": "dpmpp_2s_ancestral",
    "dpmpp-2m-sde": "dpmpp_2m_sde",
    "dpmpp-sde": "dpmpp_sde",
}
"""Names of k-diffusion's functions by ours."""


def load_k_diffusion() -> tuple[Any, Any]:
    """k-diffusion's modules ``sampling`` and ``external``, without its training code.

    Its package imports what its trainings need; an empty package stands for that.
    """
    package = ModuleType("k_diffusion")
    package.__path__ = [str(K_DIFFUSION.resolve() / "k_diffusion")]
    sys.modules["k_diffusion"] = package
    sys.path.append(str(K_DIFFUSION.resolve()))
    return import_module("k_diffusion.sampling"), import_module("k_diffusion.external")


def sample_by_k_diffusion(loaded: LoadedCheckpoint, recipe: Recipe) -> Tensor:
    """Final latents [1, c, h, w] of k-diffusion with AUTOMATIC1111's and Forge's conventions."""
    sampling, external = load_k_diffusion()
    tool, sampler, schedule = recipe.sampler.split("/")
    pipeline = loaded.pipeline
    states = torch.cat(
        [embed_prompts(pipeline, [""], negative=True), embed_prompts(pipeline, [recipe.prompt])]
    )
    model = _wrap(external, pipeline, states, is_quantised=tool == "forge")

    def denoise(x: Tensor, sigma: Tensor, **_: Any) -> Tensor:
        unconditional, conditional = model(torch.cat([x, x]), torch.cat([sigma, sigma])).chunk(2)
        guided: Tensor = unconditional + recipe.guidance * (conditional - unconditional)
        return guided

    discards = sampler in ("dpm2", "dpm2-a")
    sigmas = _find_sigmas(sampling, model, schedule, recipe.steps + discards)
    if discards:
        sigmas = torch.cat([sigmas[:-2], sigmas[-1:]])
    generator = torch.Generator().manual_seed(recipe.seed)
    shape = (1, *loaded.latent_shape(recipe.width, recipe.height))
    x = torch.randn(shape, generator=generator) * sigmas[0]
    arguments: dict[str, Any] = {}
    if "sde" in sampler:
        arguments["noise_sampler"] = sampling.BrownianTreeNoiseSampler(
            x, sigmas[sigmas > 0].min(), sigmas.max(), seed=[recipe.seed]
        )
    elif sampler.endswith("-a"):
        arguments["noise_sampler"] = lambda *_: torch.randn(shape, generator=generator)
    function: Callable[..., Tensor] = getattr(sampling, f"sample_{SAMPLERS[sampler]}")
    with torch.no_grad():
        return function(denoise, x, sigmas, disable=True, **arguments)


def _wrap(external: Any, pipeline: Any, states: Tensor, *, is_quantised: bool) -> Any:
    """The checkpoint as k-diffusion's denoiser, for states of two rows."""
    config = pipeline.scheduler.config
    is_velocity = config.prediction_type == "v_prediction"
    base = external.DiscreteVDDPMDenoiser if is_velocity else external.DiscreteEpsDDPMDenoiser
    roots = np.linspace(
        config.beta_start**0.5, config.beta_end**0.5, config.num_train_timesteps, dtype=np.float64
    )
    kept = torch.from_numpy(np.cumprod(1 - roots**2)).float()

    class Wrapped(base):  # type: ignore[misc,valid-type]
        def _run(self, x: Tensor, t: Tensor) -> Any:
            return pipeline.unet(x, t, states, return_dict=False)[0]

        get_eps = get_v = _run

    return Wrapped(pipeline.unet, kept, quantize=is_quantised)


def _find_sigmas(sampling: Any, model: Any, schedule: str, steps: int) -> Tensor:
    ends = model.sigmas[0].item(), model.sigmas[-1].item()
    found: Tensor
    if schedule == "karras":
        found = sampling.get_sigmas_karras(steps, *ends)
    elif schedule == "exponential":
        found = sampling.get_sigmas_exponential(steps, *ends)
    else:
        found = model.get_sigmas(steps)
    return found


def iter_k_diffusion_names() -> Iterator[str]:
    """The samplers that are compared with k-diffusion."""
    for sampler in SAMPLERS:
        for schedule in ("uniform", "karras"):
            yield f"a1111/{sampler}/{schedule}"
    yield "a1111/euler/exponential"
    for sampler in ("euler", "dpmpp-2m"):
        yield f"forge/{sampler}/karras"
