"""What every detector asks of a checkpoint: the noise that it predicts with a prompt and without.

Notation of the papers: ``ε_c`` with the prompt, ``ε_u`` without, ``s^Δ = ε_c − ε_u``. The score is
``−ε / σ_t``. Checkpoints that predict something else are turned into noise first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from seedwitness.engine.inversion import noise_in
from seedwitness.engine.sampling import decode_latents, embed_prompts
from seedwitness.engine.schedulers import ddim, set_timesteps


@dataclass(frozen=True)
class Step:
    """One step on the way from noise: latents ``x`` [n, c, h, w] at timestep ``t``, and noises."""

    t: Tensor
    x: Tensor
    conditional: Tensor
    unconditional: Tensor

    @property
    def difference(self) -> Tensor:
        """``s^Δ``, by which guidance leads."""
        return self.conditional - self.unconditional


class Probe:
    """A checkpoint asked about one prompt, and perhaps one picture; counts what it is asked.

    ``nfe`` are evaluations of the denoiser on one image, ``backward`` passes back through one.
    ``target`` is uint8 [3, height, width], ``alike`` says how like it pictures are, higher being
    closer, and ``copy_at`` from where on they are copies (0.5 is the literature's for SSCD): who
    needs none of them is not asked for them.
    """

    def __init__(
        self,
        pipeline: StableDiffusionPipeline,
        prompt: str,
        *,
        steps: int = 50,
        guidance: float = 7.5,
        target: Tensor | None = None,
        alike: Callable[[Tensor, Tensor], Tensor] | None = None,
        copy_at: float = 0.5,
    ) -> None:
        self.pipeline, self.prompt, self.guidance = pipeline, prompt, guidance
        self.target, self.alike, self.copy_at = target, alike, copy_at
        self.nfe = self.backward = 0
        self._scheduler = set_timesteps(ddim(pipeline.scheduler.config), steps, pipeline.device)
        self._stride = self._scheduler.config.num_train_timesteps // steps
        self._prompt = embed_prompts(pipeline, [prompt])
        self._empty = embed_prompts(pipeline, [""])

    @property
    def timesteps(self) -> Tensor:
        """DDIM's, falling: the first is the noisiest."""
        found: Tensor = self._scheduler.timesteps
        return found

    @property
    def tokens(self) -> int:
        """How many of the prompt's tokens the text encoder reads, its first and its end among them.

        What follows is padding.
        """
        tokenizer = self.pipeline.tokenizer
        ids = tokenizer(self.prompt, truncation=True, max_length=tokenizer.model_max_length)
        return len(ids.input_ids)

    def sigma(self, t: Tensor) -> float:
        """Deviation of the noise at ``t``, where latents keep unit variance."""
        return float((1 - self._scheduler.alphas_cumprod[int(t)]).sqrt())

    def conditional(self, x: Tensor, t: Tensor) -> Tensor:
        """``ε_c``, one NFE an image."""
        return self._noise(x, t, self._prompt)

    def both(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """``ε_c`` and ``ε_u``, two NFE an image."""
        return self._noise(x, t, self._prompt), self._noise(x, t, self._empty)

    def first(self, noise: Tensor) -> Step:
        """The first step of ``walk``."""
        return next(self.walk(noise))

    def walk(self, noise: Tensor, guidance: float | None = None) -> Iterator[Step]:
        """Every step of DDIM under guidance, from noise [n, c, h, w]; two NFE an image and step.

        The last step ends at final latents, which ``pictures`` decodes.
        """
        x = noise.to(self.pipeline.device, self.pipeline.unet.dtype)
        for t in self.timesteps:
            with torch.no_grad():
                step = Step(t, x, *self.both(x, t))
            yield step
            x = self.earlier(step, guidance)
        self.latents = x

    def sampled(self, noise: Tensor, guidance: float | None = None) -> Tensor:
        """Final latents of ``walk``."""
        for _ in self.walk(noise, guidance):
            pass
        return self.latents

    def pictures(self, noise: Tensor, guidance: float | None = None) -> Tensor:
        """What ``walk`` ends at, decoded: uint8 [n, 3, height, width]."""
        return decode_latents(self.pipeline, self.sampled(noise, guidance))

    def cleaned(self, clean: Tensor, noise: Tensor, places: Sequence[float]) -> Tensor:
        """Clean latents as predicted once ``noise`` [n, c, h, w] was mixed in; one NFE an image.

        ``clean`` is [c, h, w]; ``places`` in [0, 1) say how noisy each row is, 0 being hardly.
        """
        trained = self._scheduler.config.num_train_timesteps
        t = torch.tensor([int(place * trained) for place in places], device=noise.device)
        alpha = self._scheduler.alphas_cumprod.to(noise.device)[t][:, None, None, None]
        x = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
        predicted = self.conditional(x.to(self.pipeline.unet.dtype), t).to(x.dtype)
        found: Tensor = (x - (1 - alpha).sqrt() * predicted) / alpha.sqrt()
        return found

    def earlier(self, step: Step, guidance: float | None = None) -> Tensor:
        """Latents after ``step``: DDIM under guidance, without fresh noise (Song et al., 2021).

        ``guidance`` stands in for the probe's own.
        """
        scale = self.guidance if guidance is None else guidance
        noise = step.unconditional + scale * step.difference
        alphas, before = self._scheduler.alphas_cumprod, int(step.t) - self._stride
        high = alphas[int(step.t)]
        low = alphas[before] if before >= 0 else self._scheduler.final_alpha_cumprod
        clean = (step.x - (1 - high).sqrt() * noise) / high.sqrt()
        found: Tensor = low.sqrt() * clean + (1 - low).sqrt() * noise
        return found

    def back(self, value: Tensor, x: Tensor) -> Tensor:
        """Gradient of ``value``, one scalar over all rows, with respect to ``x`` [n, c, h, w]."""
        self.backward += len(x)
        return torch.autograd.grad(value, x, retain_graph=True)[0]

    def _noise(self, x: Tensor, t: Tensor, embedding: Tensor) -> Tensor:
        self.nfe += len(x)
        embedded = embedding.expand(len(x), -1, -1)
        out = self.pipeline.unet(x, t, embedded, return_dict=False)[0]
        return noise_in(self._scheduler, out, x, t)


def squared_norm(rows: Tensor) -> Tensor:
    """Squared L2 norm of each row, in float32 on the CPU: [n, …] to [n]."""
    return rows.detach().float().flatten(1).square().sum(1).cpu()
