"""Looks for a seed's noise in an image, cheapest first, and the weights that each compares with it.

``first-noise`` and ``step-noise`` use the encoded image as it is and need its autoencoder alone.
``inversion`` uses the denoiser, under several prompts.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
import torch
from PIL import Image

from seedwitness.attribution.noise_traces import compute_trace_weights
from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import ScanSettings
from seedwitness.engine.inversion import invert
from seedwitness.engine.sampling import embed_prompts_separately, encode_pictures
from seedwitness.engine.schedulers import compute_noise_levels
from seedwitness.errors import CheckpointError
from seedwitness.records.seed_scan import Look

Array = np.ndarray[Any, Any]

TRACE_STEPS = 20
"""Steps for which the trace of the first noise is computed; it hardly depends on them."""


def plan_looks(
    prompts: Sequence[str],
    settings: ScanSettings,
    claimed_guidance: float | None = None,
    claimed_steps: int | None = None,
) -> list[list[Look]]:
    """The looks of a scan by kind, in the order of ``settings.looks``.

    Step noise is looked for with each of ``settings.step_counts`` and the claimed number of steps,
    by both ways in which tools draw it. The image is inverted under the empty prompt and the first
    candidates, at guidance 1 and the candidates also at a claimed one.
    """
    steps = sorted({*settings.step_counts, *([claimed_steps] if claimed_steps else [])})
    looks = {
        "first-noise": [Look(kind="first-noise", steps=TRACE_STEPS)],
        "step-noise": [
            Look(kind="step-noise", steps=count, restarted=restarted)
            for restarted in (False, True)
            for count in steps
        ],
        "inversion": _plan_inversions(prompts, settings, claimed_guidance),
    }
    return [looks[kind] for kind in dict.fromkeys(settings.looks)]


def _plan_inversions(
    prompts: Sequence[str], settings: ScanSettings, claimed_guidance: float | None
) -> list[Look]:
    candidates = [prompt for prompt in dict.fromkeys(prompts) if prompt.strip()][: settings.prompts]
    asked = [(prompt, 1.0) for prompt in ["", *candidates]]
    if claimed_guidance is not None and claimed_guidance != 1:
        asked += [(prompt, claimed_guidance) for prompt in candidates]
    return [
        Look(kind="inversion", steps=settings.steps, prompt=prompt, guidance=guidance)
        for prompt, guidance in asked
    ]


def encode_image(vae: Any, picture: Image.Image) -> Array:
    """Encode an image to latents [c, h, w] by an autoencoder, at the image's own size."""
    pixels = torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)[None]
    latents: Array = encode_pictures(vae, pixels)[0].numpy()
    return latents


def compute_weights(
    looks: Sequence[Look],
    latents: Array,
    scheduler: Any,
    settings: ScanSettings,
    loaded: LoadedCheckpoint | None = None,
) -> Array:
    """The weights of looks of one kind, by look and draw of noise: [q, draws, c, h, w].

    ``latents`` are those of the image [c, h, w]; ``scheduler`` is the configuration of the
    checkpoint's scheduler. ``loaded`` is needed by inversions. Raises CheckpointError if the
    weights are not finite.
    """
    weights: Array
    if looks[0].kind == "inversion":
        assert loaded is not None
        weights = _invert(looks, latents, settings, loaded)[:, None]
    else:
        draws = max(look.steps for look in looks) + 1 if looks[0].kind == "step-noise" else 1
        weights = np.zeros((len(looks), draws, *latents.shape), np.float32)
        for row, look in zip(weights, looks, strict=True):
            levels = compute_noise_levels(scheduler, look.steps)
            trace = compute_trace_weights(latents, levels, fresh=look.kind == "step-noise")
            if look.restarted:  # the first step draws the initial noise once more
                row[: len(trace) - 1] = trace[1:]
                row[0] += trace[0]
            else:
                row[: len(trace)] = trace
    if not np.isfinite(weights).all():
        name = loaded.checkpoint.name if loaded else "The autoencoder"
        raise CheckpointError(
            f"{name} turns the target into numbers that are not finite: set its `dtype` to float32."
        )
    return weights


def _invert(
    looks: Sequence[Look], latents: Array, settings: ScanSettings, loaded: LoadedCheckpoint
) -> Array:
    """The noise that inverting the image under each look's prompt gives: [q, c, h, w]."""
    rows: list[torch.Tensor] = []
    for guidance, group in groupby(looks, key=lambda look: look.guidance):
        prompts = [look.prompt for look in group]  # one batch
        rows += invert(
            loaded.pipeline,
            embed_prompts_separately(loaded.pipeline, prompts),
            torch.from_numpy(latents).expand(len(prompts), -1, -1, -1),
            num_inference_steps=settings.steps,
            guidance_scale=guidance,
            rounds=settings.fixed_point_rounds,
        )
    inverted: Array = torch.stack(rows).numpy()
    return inverted
