"""Documents of the scan of the seed space: what was looked for, what was found, and its power."""

from __future__ import annotations

from pydantic import model_validator

from seedwitness.records.document import Document
from seedwitness.records.recipe import Recipe


class Inversion(Document):
    """One inversion of the target, whose noise was correlated with every seed's."""

    prompt: str
    guidance: float


class SeedCandidate(Document):
    """One of the seeds whose noise correlates most with what an inversion left."""

    seed: int
    rng: str
    batch_index: int
    """Which draw of the generator, from 0: ComfyUI's picture in its batch."""
    inversion: Inversion
    z: float
    """Standard normal for a seed that has nothing to do with the target."""
    p: float
    """Family-wise, by Bonferroni over all seeds, protocols, draws and inversions."""
    correlation: float
    """Of its noise and the inverted one, over all elements."""
    recovered: bool
    claimed: bool
    """Whether the file's own metadata names it, modulo 2^32: looked at wherever it lies."""

    @property
    def noise(self) -> tuple[int, str, int]:
        """What its noise is drawn by: seed, protocol, and which draw."""
        return self.seed, self.rng, self.batch_index


class RegeneratedImage(Document):
    """The best seed's picture, from the recipe that came closest of those tried; made by itself.

    ``rms`` is the root mean square of its difference to the target in levels of 255, and
    ``round_trip_rms`` that of the target and what the checkpoint's own autoencoder makes of it:
    what is closer than that is as close as the checkpoint can come to any given picture.
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
    def the_very_image(self) -> bool:
        """Whether the recipe gives the target back as well as the checkpoint could hold it."""
        return self.rms <= self.round_trip_rms


class SeedScan(Document):
    """``scan.json``: the seed space, looked through for one target on one checkpoint."""

    target: str
    checkpoint: str
    checkpoint_sha256: str
    note: str
    """Why nothing was scanned; empty where it was."""
    protocols: list[str]
    first_seed: int
    end_seed: int
    pictures: int
    """Draws of each generator by ``torch-cpu`` that were looked at."""
    inversions: list[Inversion]
    steps: int
    rounds: int
    elements: int
    alpha: float
    z_needed: float | None
    """What z had to reach; None where nothing was scanned."""
    seen: float
    """The least correlation that would have been found with a chance of 95 %."""
    seeds: list[SeedCandidate]
    """The best, best first, and the claimed; none where no seed passed the first looks."""
    regenerated: RegeneratedImage | None

    @model_validator(mode="after")
    def _whole(self) -> SeedScan:
        recovered = [each.noise for each in self.seeds[:1] if each.recovered]
        made = [self.regenerated.recipe] if self.regenerated else []
        if recovered != [(each.seed, each.rng, each.batch_index) for each in made]:
            raise ValueError("regenerated: it is of the best seed, where that was recovered")
        return self

    @property
    def tried(self) -> int:
        """Seeds looked at, under each protocol."""
        return self.end_seed - self.first_seed
