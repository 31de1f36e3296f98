"""What detectors ask of a checkpoint, worked out with diffusers' own parts, one image at a time."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from torch import Tensor

from seedwitness.detectors.probe import Probe
from seedwitness.engine.sampling import draw_torch_noise, embed_prompts

SHAPE = (4, 8, 8)
STEPS, GUIDANCE = 5, 3.0
PROMPT = "a red fish"
NOISE = draw_torch_noise([3, 4], SHAPE)


def probe(pipeline: StableDiffusionPipeline, **further: Any) -> Probe:
    return Probe(pipeline, PROMPT, steps=STEPS, guidance=GUIDANCE, **further)


class ByHand:
    """diffusers' scheduler and denoiser, one image at a time."""

    def __init__(self, pipeline: StableDiffusionPipeline) -> None:
        self.pipeline = pipeline
        self.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
        self.scheduler.set_timesteps(STEPS)
        self.embedded = {text: embed_prompts(pipeline, [text]) for text in (PROMPT, "")}

    def output(self, x: Tensor, t: Tensor, text: str) -> Tensor:
        found: Tensor = self.pipeline.unet(x, t, self.embedded[text]).sample
        return found

    def noise(self, x: Tensor, t: Tensor, text: str) -> Tensor:
        out, alpha = self.output(x, t, text), self.scheduler.alphas_cumprod[t]
        if self.scheduler.config.prediction_type == "epsilon":
            return out
        return alpha.sqrt() * out + (1 - alpha).sqrt() * x

    @torch.no_grad()
    def way(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        found = []
        for t in self.scheduler.timesteps:
            found.append((t, x))
            plain = self.output(x, t, "")
            guided = plain + GUIDANCE * (self.output(x, t, PROMPT) - plain)
            x = self.scheduler.step(guided, t, x).prev_sample
        return found

    def jacobian(self, x: Tensor, t: Tensor, text: str) -> Tensor:
        found: Tensor = torch.autograd.functional.jacobian(lambda y: self.noise(y, t, text), x)
        return found.reshape(x.numel(), x.numel())
