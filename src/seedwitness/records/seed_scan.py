"""Documents of the seed scan: its settings, the best seeds, and its power."""

from __future__ import annotations

from pydantic import model_validator

from seedwitness.records.document import Document
from seedwitness.records.reasons import Reason
from seedwitness.records.recipe import Recipe


class Inversion(Document):
    """One inversion of the target; its noise is correlated with that of every seed."""

    prompt: str
    guidance: float


class SeedCandidate(Document):
    """One of the seeds whose noise correlates most with the noise of an inversion."""

    seed: int
    rng: str
    batch_index: int
    """Number of the generator's draw, from 0: in ComfyUI the number of the image in its batch."""
    inversion: Inversion
    z: float
    """The test statistic: standard normal for a seed that is unrelated to the target."""
    p: float
    """Family-wise p, by Bonferroni over all seeds, RNG algorithms, draws and inversions."""
    correlation: float
    """Correlation of the seed's noise and the inverted noise, over all elements."""
    recovered: bool
    claimed: bool
    """Whether the file's own metadata name it, modulo 2^32: it is scored even outside the range."""

    @property
    def noise(self) -> tuple[int, str, int]:
        """The identity of its noise: seed, RNG algorithm, and number of the draw."""
        return self.seed, self.rng, self.batch_index


class RegeneratedImage(Document):
    """The image of the best seed, from the closest of the recipes tried; sampled at batch 1.

    ``rms`` is the root mean square of its difference to the target in levels of 255.
    ``round_trip_rms`` is that of the target and its round trip through the checkpoint's own
    autoencoder. An image closer than that is as close as the checkpoint can come to any image.
    """

    trial: str
    recipe: Recipe
    tried: int
    noise_sha256: str
    latent_sha256: str
    rms: float
    round_trip_rms: float
    image: str

    @property
    def matches_round_trip(self) -> bool:
        """Whether the image is at least as close to the target as the autoencoder's round trip."""
        return self.rms <= self.round_trip_rms


class SeedScan(Document):
    """``scan.json``: the seed scan for one target on one checkpoint."""

    target: str
    checkpoint: str
    checkpoint_sha256: str
    obstacle: Reason | None
    """Why nothing was scanned; None if it was."""
    rng_algorithms: list[str]
    first_seed: int
    end_seed: int
    draws: int
    """Draws of each generator that were scanned with ``torch-cpu``."""
    inversions: list[Inversion]
    steps: int
    rounds: int
    elements: int
    alpha: float
    z_needed: float | None
    """The z that a seed needs to be recovered; None if nothing was scanned."""
    detectable_correlation: float
    """The least correlation that is detected with a probability of 95 %."""
    seeds: list[SeedCandidate]
    """The best seeds, best first, and the claimed; empty if no seed passed the first levels."""
    regenerated: RegeneratedImage | None

    @model_validator(mode="after")
    def _check_regenerated(self) -> SeedScan:
        recovered = [seed.noise for seed in self.seeds[:1] if seed.recovered]
        recipes = [self.regenerated.recipe] if self.regenerated else []
        if recovered != [(recipe.seed, recipe.rng, recipe.batch_index) for recipe in recipes]:
            raise ValueError(
                "regenerated: it must be set if and only if the best seed was recovered"
            )
        return self

    @property
    def num_seeds(self) -> int:
        """The number of seeds scanned with each RNG algorithm."""
        return self.end_seed - self.first_seed
