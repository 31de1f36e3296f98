"""Query a checkpoint for a detector: the noise that it predicts with a prompt and without.

Notation of the papers: ``ε_c`` with the prompt, ``ε_u`` without, ``s^Δ = ε_c − ε_u``. The score is
``−ε / σ_t``. Other predictions (velocity, sample) are converted to noise first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from seedwitness.engine.inversion import extract_noise
from seedwitness.engine.sampling import decode_latents, embed_prompts, encode_pictures
from seedwitness.engine.schedulers import ddim, set_timesteps
from seedwitness.errors import CheckpointError


@dataclass(frozen=True)
class DenoisingStep:
    """One denoising step: latents ``x`` [n, c, h, w] at timestep ``t``, and predicted noises."""

    t: Tensor
    x: Tensor
    conditional: Tensor
    unconditional: Tensor

    @property
    def difference(self) -> Tensor:
        """``s^Δ``, the direction of guidance."""
        return self.conditional - self.unconditional


class Probe:
    """A checkpoint with one prompt and optionally one picture; counts the evaluations.

    ``nfe`` counts evaluations of the denoiser on one image, ``backward`` the backward passes
    through it. ``target`` is uint8 [3, height, width], ``similarity`` compares pictures with it
    (higher is closer), and ``copy_threshold`` is the similarity of a copy (0.5 in the literature
    for SSCD). Detectors that need only the prompt leave these three out.
    """

    def __init__(
        self,
        pipeline: StableDiffusionPipeline,
        prompt: str,
        *,
        steps: int = 50,
        guidance: float = 7.5,
        target: Tensor | None = None,
        similarity: Callable[[Tensor, Tensor], Tensor] | None = None,
        copy_threshold: float = 0.5,
    ) -> None:
        if not isinstance(pipeline, StableDiffusionPipeline):
            raise CheckpointError(
                "Detectors read the denoiser of Stable Diffusion 1 and 2, and this checkpoint is a "
                f"{type(pipeline).__name__}: run without them, by `detectors=none`."
            )
        self.pipeline, self.prompt, self.guidance = pipeline, prompt, guidance
        self.target, self.similarity, self.copy_threshold = target, similarity, copy_threshold
        self.nfe = self.backward = 0
        self._scheduler = set_timesteps(ddim(pipeline.scheduler.config), steps, pipeline.device)
        self._stride = self._scheduler.config.num_train_timesteps // steps
        self._prompt = embed_prompts(pipeline, [prompt])
        self._empty = embed_prompts(pipeline, [""])

    @property
    def timesteps(self) -> Tensor:
        """DDIM's timesteps in falling order: the first is the noisiest."""
        timesteps: Tensor = self._scheduler.timesteps
        return timesteps

    @property
    def token_count(self) -> int:
        """Number of tokens of the prompt that the text encoder reads, begin and end included.

        The tokens after them are padding.
        """
        tokenizer = self.pipeline.tokenizer
        ids = tokenizer(self.prompt, truncation=True, max_length=tokenizer.model_max_length)
        return len(ids.input_ids)

    def sigma(self, t: Tensor) -> float:
        """Return the noise's standard deviation at ``t``, for latents of unit variance."""
        return float((1 - self._scheduler.alphas_cumprod[int(t)]).sqrt())

    def predict_conditional(self, x: Tensor, t: Tensor) -> Tensor:
        """Predict ``ε_c``; one NFE an image."""
        return self._predict_noise(x, t, self._prompt)

    def predict_both(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Predict ``ε_c`` and ``ε_u``; two NFE an image."""
        return self._predict_noise(x, t, self._prompt), self._predict_noise(x, t, self._empty)

    def predict_under(self, prompt: str, x: Tensor, t: Tensor) -> Tensor:
        """Predict the noise under another prompt; one NFE an image."""
        return self._predict_noise(x, t, embed_prompts(self.pipeline, [prompt]))

    def find_timestep(self, share: float) -> Tensor:
        """The timestep at a share in [0, 1] of those of the training, one number."""
        count = int(self._scheduler.config.num_train_timesteps)
        return torch.tensor(min(int(share * count), count - 1), device=self.pipeline.device)

    def encode_target(self) -> Tensor:
        """The target's latents [1, c, h, w]. Raises ValueError if the probe has no target."""
        if self.target is None:
            raise ValueError("a statistic of membership needs a probe with a target")
        return encode_pictures(self.pipeline.vae, self.target[None]).to(self.pipeline.device)

    def mix_noise(self, clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Mix noise into clean latents at one timestep: √ᾱ z + √(1 − ᾱ) ε."""
        alpha = self._scheduler.alphas_cumprod.to(clean.device)[int(t)]
        x: Tensor = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise.to(clean)
        return x.to(self.pipeline.unet.dtype)

    def move(self, x: Tensor, noise: Tensor, start: Tensor, end: Tensor) -> Tensor:
        """Move latents from one timestep to another by DDIM without noise of its own (eta 0)."""
        alphas = self._scheduler.alphas_cumprod.to(x.device)
        before, after = alphas[int(start)], alphas[int(end)]
        clean = (x - (1 - before).sqrt() * noise) / before.sqrt()
        moved: Tensor = after.sqrt() * clean + (1 - after).sqrt() * noise
        return moved

    def compute_first_step(self, noise: Tensor) -> DenoisingStep:
        """Compute the first step of ``walk``."""
        return next(self.walk(noise))

    def walk(self, noise: Tensor, guidance: float | None = None) -> Iterator[DenoisingStep]:
        """Yield every DDIM step with guidance, from noise [n, c, h, w]; two NFE an image and step.

        After the last step ``latents`` holds the final latents, which ``sample_pictures`` decodes.
        """
        x = noise.to(self.pipeline.device, self.pipeline.unet.dtype)
        for t in self.timesteps:
            with torch.no_grad():
                step = DenoisingStep(t, x, *self.predict_both(x, t))
            yield step
            x = self.take_step(step, guidance)
        self.latents = x

    def sample_latents(self, noise: Tensor, guidance: float | None = None) -> Tensor:
        """Return the final latents of ``walk``."""
        for _ in self.walk(noise, guidance):
            pass
        return self.latents

    def sample_pictures(self, noise: Tensor, guidance: float | None = None) -> Tensor:
        """Decode the final latents of ``walk``: uint8 [n, 3, height, width]."""
        return decode_latents(self.pipeline, self.sample_latents(noise, guidance))

    def predict_clean(self, clean: Tensor, noise: Tensor, noise_levels: Sequence[float]) -> Tensor:
        """Predict the clean latents after ``noise`` [n, c, h, w] is mixed in; one NFE an image.

        ``clean`` is [c, h, w]; ``noise_levels`` in [0, 1) give the noise of each row, 0 the least.
        """
        timestep_count = self._scheduler.config.num_train_timesteps
        t = torch.tensor(
            [int(noise_level * timestep_count) for noise_level in noise_levels], device=noise.device
        )
        alpha = self._scheduler.alphas_cumprod.to(noise.device)[t][:, None, None, None]
        x = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
        predicted = self.predict_conditional(x.to(self.pipeline.unet.dtype), t).to(x.dtype)
        clean_latents: Tensor = (x - (1 - alpha).sqrt() * predicted) / alpha.sqrt()
        return clean_latents

    def take_step(self, step: DenoisingStep, guidance: float | None = None) -> Tensor:
        """Compute the latents after ``step``: DDIM with guidance, eta 0 (Song et al., 2021).

        ``guidance`` overrides the probe's own.
        """
        scale = self.guidance if guidance is None else guidance
        noise = step.unconditional + scale * step.difference
        alphas, earlier_t = self._scheduler.alphas_cumprod, int(step.t) - self._stride
        alpha = alphas[int(step.t)]
        earlier_alpha = alphas[earlier_t] if earlier_t >= 0 else self._scheduler.final_alpha_cumprod
        clean = (step.x - (1 - alpha).sqrt() * noise) / alpha.sqrt()
        latents: Tensor = earlier_alpha.sqrt() * clean + (1 - earlier_alpha).sqrt() * noise
        return latents

    def compute_gradient(self, value: Tensor, x: Tensor) -> Tensor:
        """Compute the gradient of ``value``, a scalar over all rows, with respect to ``x``."""
        self.backward += len(x)
        return torch.autograd.grad(value, x, retain_graph=True)[0]

    def _predict_noise(self, x: Tensor, t: Tensor, embedding: Tensor) -> Tensor:
        self.nfe += len(x)
        embeddings = embedding.expand(len(x), -1, -1)
        output = self.pipeline.unet(x, t, embeddings, return_dict=False)[0]
        return extract_noise(self._scheduler, output, x, t)


def compute_squared_norms(rows: Tensor) -> Tensor:
    """Compute the squared L2 norm of each row, in float32 on the CPU: [n, …] to [n]."""
    return rows.detach().float().flatten(1).square().sum(1).cpu()
