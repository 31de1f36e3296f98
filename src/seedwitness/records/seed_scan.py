"""Documents of the seed scan: its settings, the best seeds, and its power."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from seedwitness.records.document import Document
from seedwitness.records.placement import Placement
from seedwitness.records.reasons import Reason
from seedwitness.records.recipe import Recipe

LookKind = Literal["first-noise", "step-noise", "inversion"]
"""What a look compares with the noise of seeds. ``first-noise`` and ``step-noise`` are the encoded
target itself, for deterministic and for ancestral samplers; ``inversion`` is its inversion by the
denoiser."""


class Look(Document):
    """One set of weights made of the target; it is correlated with the noise of every seed."""

    kind: LookKind
    steps: int
    """Sampling steps that the weights are made for, or steps of the inversion."""
    restarted: bool = False
    """Of step noise: whether a new generator draws it, as in ComfyUI (of the same seed) and
    InvokeAI (of another), or that of the initial noise goes on, as in diffusers."""
    prompt: str = ""
    guidance: float = 1.0
    placement: Placement | None = None
    """How the target lies in the sampled image; None: it is the sampled image."""


class LookResult(Document):
    """Looks of a kind that are scanned together, for one size of the sampled image."""

    looks: list[Look]
    end_seed: int
    """The first seed that was not scored: step noise is looked for in fewer seeds."""
    elements: int
    """Elements of noise that a score adds up."""
    detectable_correlation: float | None
    """The least correlation that is detected with a probability of 95 %; None if no look of this
    kind was needed, because one before it recovered a seed."""

    @property
    def kind(self) -> LookKind:
        """The kind of all looks."""
        return self.looks[0].kind


class SeedCandidate(Document):
    """One of the seeds whose noise correlates most with the weights of a look."""

    seed: int
    """The seed of the generator that drew the noise."""
    rng: str
    batch_index: int
    """Number of the generator's draw, from 0: in ComfyUI the number of the image in its batch."""
    look: Look
    """The look that speaks most for the seed."""
    z: float
    """The test statistic: standard normal for a seed that is unrelated to the target."""
    p: float
    """Family-wise p, by Bonferroni over all seeds, RNG algorithms, draws and looks."""
    correlation: float
    """Correlation of the seed's noise and the weights, over all elements."""
    recovered: bool
    claimed: bool
    """Whether the file's own metadata name it, modulo 2^32: it is scored even outside the range."""

    @property
    def noise(self) -> tuple[int, str, int]:
        """The identity of its noise: seed, RNG algorithm, and number of the draw."""
        return self.seed, self.rng, self.batch_index


class RecipeAttempt(Document):
    """A recipe that was tried, and how near its image comes to the target."""

    sampler: str
    steps: int
    guidance: float
    prompt: str
    rms: float
    """Root mean square of the difference, in levels of 255."""


class RegeneratedImage(Document):
    """The image of the best seed, from the closest of the recipes tried; sampled at batch 1.

    ``rms`` is the root mean square of its difference to the target in levels of 255.
    ``round_trip_rms`` is that of the target and its round trip through the checkpoint's own
    autoencoder. An image closer than that is as close as the checkpoint can come to any image.
    """

    trial: str
    recipe: Recipe
    tried: int
    nearest: list[RecipeAttempt]
    """The nearest recipe of each sampler and number of steps that was tried, nearest first."""
    noise_sha256: str
    latent_sha256: str
    rms: float
    round_trip_rms: float
    image: str
    placement: Placement | None = None
    """How the target lies in the image; None: it is compared as a whole."""

    @property
    def matches_round_trip(self) -> bool:
        """Whether the image is at least as close to the target as the autoencoder's round trip."""
        return self.rms <= self.round_trip_rms


class ScannedSeeds(Document):
    """The seeds that were scanned for a target, the looks at it, and what was found."""

    target: str
    rng_algorithms: list[str]
    first_seed: int
    end_seed: int
    draws: int
    """Draws of each generator that were scanned with ``torch-cpu``."""
    rounds: int
    """Rounds of fixed-point iteration in each step of an inversion."""
    looks: list[LookResult]
    """In the order in which they were made; empty if nothing was scanned."""
    alpha: float
    z_needed: float | None
    """The z that a seed needs to be recovered; None if nothing was scanned."""
    hidden: list[tuple[int, int, int, int]] = Field(default_factory=list)
    """Areas of the target that were not compared: left, top, right and bottom in pixels."""
    seeds: list[SeedCandidate]
    """The best seeds, best first, and the claimed; empty if no seed passed the first levels."""

    @property
    def detectable_correlations(self) -> dict[str, float]:
        """By kind of look, the correlation that it would have detected."""
        found: dict[str, float] = {}
        for result in self.looks:  # looks of a kind are scanned by size of the sampled image
            if result.detectable_correlation is not None:
                found.setdefault(result.kind, result.detectable_correlation)
        return found

    @property
    def placements(self) -> list[Placement]:
        """The placements of the target in the sampled image that were looked at."""
        looks = (look for result in self.looks for look in result.looks)
        return list(dict.fromkeys(look.placement for look in looks if look.placement))

    @property
    def is_only_placed(self) -> bool:
        """Whether the target was looked at only as a part of, or resized to, another image."""
        looks = [look for result in self.looks for look in result.looks]
        return bool(looks) and all(look.placement is not None for look in looks)

    @property
    def num_seeds(self) -> int:
        """The number of seeds scanned with each RNG algorithm."""
        return self.end_seed - self.first_seed


class AutoencoderScan(ScannedSeeds):
    """The seed scan for one target of which only the autoencoder is known, not the checkpoint."""

    autoencoder: str
    autoencoder_sha256: str


class SeedScan(ScannedSeeds):
    """``scan.json``: the seed scan for one target on one checkpoint."""

    checkpoint: str
    checkpoint_sha256: str
    obstacle: Reason | None
    """Why nothing was scanned; None if it was."""
    unused_settings: list[str] = Field(default_factory=list)
    """What the file's metadata states and no recipe takes up, such as "clip skip 2"."""
    regenerated: RegeneratedImage | None

    @model_validator(mode="after")
    def _check_regenerated(self) -> SeedScan:
        best = self.seeds[0] if self.seeds and self.seeds[0].recovered else None
        recipe = self.regenerated.recipe if self.regenerated else None
        if recipe is None or best is None:
            agrees = recipe is None and best is None
        else:
            # The noise of a strong variation outweighs that of the recipe's own seed.
            drawn_by = {recipe.seed, *(seed for seed, _ in recipe.mixed_seeds)}
            if best.look.restarted:
                drawn_by = {recipe.step_seed}
            agrees = best.seed in drawn_by and best.noise[1:] == (recipe.rng, recipe.batch_index)
        if not agrees:
            raise ValueError(
                "regenerated: it must be set if and only if the best seed was recovered"
            )
        return self
