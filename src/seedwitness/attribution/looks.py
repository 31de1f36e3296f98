"""Looks for a seed's noise in an image, cheapest first, and the weights that each compares with it.

``first-noise`` and ``step-noise`` use the encoded image as it is and need its autoencoder alone.
``inversion`` uses the denoiser, under several prompts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
import torch
from PIL import Image

from seedwitness.attribution.hidden_areas import Box, find_shown_elements, paint_over
from seedwitness.attribution.noise_traces import compute_trace_weights
from seedwitness.attribution.placements import anchor, find_known_elements, place
from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.steps import ScanSettings
from seedwitness.engine.inversion import invert
from seedwitness.engine.sampling import embed_prompts_separately, encode_pictures
from seedwitness.engine.schedulers import compute_noise_levels
from seedwitness.errors import CheckpointError
from seedwitness.records.placement import Placement
from seedwitness.records.seed_scan import Look

Array = np.ndarray[Any, Any]

TRACE_STEPS = 20
"""Steps for which the trace of the first noise is computed; it hardly depends on them."""


def plan_looks(
    prompts: Sequence[str],
    settings: ScanSettings,
    claimed_guidance: float | None = None,
    claimed_steps: int | None = None,
    placements: Sequence[Placement] = (),
    *,
    is_size_made: bool = True,
) -> list[list[Look]]:
    """The looks of a scan, in the order of ``settings.looks``; those of a list are made together.

    First noise is looked for in the target as it is, and then by each of ``placements``, those with
    one size of the sampled image together, those that cover every offset apart. Where no checkpoint
    makes the target's own size, its placements are all that can be looked at.

    Step noise is looked for with each of ``settings.step_counts`` and the claimed number of steps,
    by both ways in which tools draw it. The image is inverted under the empty prompt and the first
    candidates, at guidance 1 and the candidates also at a claimed one.
    """
    steps = sorted({*settings.step_counts, *([claimed_steps] if claimed_steps else [])})
    first_noise = Look(kind="first-noise", steps=TRACE_STEPS)
    by_size: dict[tuple[int, int, bool], list[Look]] = {}
    for each in placements:
        placed = first_noise.model_copy(update={"placement": each})
        by_size.setdefault((each.width, each.height, each.is_approximate), []).append(placed)
    looks = {
        "first-noise": [[first_noise], *by_size.values()],
        "step-noise": [
            [
                Look(kind="step-noise", steps=count, restarted=restarted)
                for restarted in (False, True)
                for count in steps
            ]
        ],
        "inversion": [_plan_inversions(prompts, settings, claimed_guidance)],
    }
    if not is_size_made:
        looks = {"first-noise": list(by_size.values())}
    return [each for kind in dict.fromkeys(settings.looks) for each in looks.get(kind, [])]


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


@dataclass(frozen=True)
class EncodedTarget:
    """A target as latents of its autoencoder; each placement is encoded once."""

    vae: Any
    picture: Image.Image
    hidden: Sequence[Box] = ()
    """Areas of the picture that show something else than what was sampled."""
    _latents: dict[Placement | None, Array] = field(default_factory=dict)

    @property
    def scale(self) -> int:
        """Pixels of an element of the latents, along a side."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    def encode(self, placement: Placement | None = None) -> Array:
        """Encode the target, or the sampled image into which it is laid: latents [c, h, w]."""
        if placement not in self._latents:
            picture = paint_over(self.picture, self.hidden)
            if placement is not None:
                picture = place(picture, placement)
            pixels = torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)[None]
            self._latents[placement] = encode_pictures(self.vae, pixels)[0].numpy()
        return self._latents[placement]

    def compute_trace(self, placement: Placement | None, levels: Sequence[float]) -> Array:
        """Compute the weights of the first noise [1, c, h, w]: 0 where the target shows nothing."""
        if placement is None:
            return self.cover(compute_trace_weights(self.encode(), levels, fresh=False))
        anchored = anchor(placement, self.scale)
        latents = self.encode(anchored)
        rows, columns = find_known_elements(anchored, self.scale)
        part = compute_trace_weights(latents[:, rows, columns], levels, fresh=False)
        height, width = placement.height // self.scale, placement.width // self.scale
        weights = np.zeros((1, len(latents), height, width))
        rows, columns = find_known_elements(placement, self.scale)
        weights[:, :, rows, columns] = part
        return self.cover(weights, placement)

    def cover(self, weights: Array, placement: Placement | None = None) -> Array:
        """Set the weights [..., h, w] of elements that show a hidden pixel to 0."""
        if not self.hidden:
            return weights
        size = self.picture.size
        covered: Array = weights * find_shown_elements(size, self.hidden, placement, self.scale)
        return covered


def compute_weights(
    looks: Sequence[Look],
    target: EncodedTarget,
    scheduler: Any,
    settings: ScanSettings,
    loaded: LoadedCheckpoint | None = None,
) -> Array:
    """The weights of looks that are made together, by look and draw of noise: [q, draws, c, h, w].

    ``scheduler`` is the configuration of the checkpoint's scheduler. ``loaded`` is needed by
    inversions. Raises CheckpointError if the weights are not finite.
    """
    weights: Array
    if looks[0].kind == "inversion":
        assert loaded is not None
        weights = target.cover(_invert(looks, target.encode(), settings, loaded)[:, None])
    elif looks[0].kind == "step-noise":
        weights = target.cover(_trace_step_noise(looks, target.encode(), scheduler))
    else:
        levels = [compute_noise_levels(scheduler, look.steps) for look in looks]
        traces = [
            target.compute_trace(look.placement, each)
            for look, each in zip(looks, levels, strict=True)
        ]
        weights = np.stack(traces).astype(np.float32)
    if not np.isfinite(weights).all():
        name = loaded.checkpoint.name if loaded else "The autoencoder"
        raise CheckpointError(
            f"{name} turns the target into numbers that are not finite: set its `dtype` to float32."
        )
    return weights


def _trace_step_noise(looks: Sequence[Look], latents: Array, scheduler: Any) -> Array:
    """The weights of all draws of an ancestral sampler: [q, draws, c, h, w]."""
    draws = max(look.steps for look in looks) + 1
    weights = np.zeros((len(looks), draws, *latents.shape), np.float32)
    for row, look in zip(weights, looks, strict=True):
        levels = compute_noise_levels(scheduler, look.steps)
        trace = compute_trace_weights(latents, levels, fresh=True)
        if look.restarted:  # the first step draws the initial noise once more
            row[: len(trace) - 1] = trace[1:]
            row[0] += trace[0]
        else:
            row[: len(trace)] = trace
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
