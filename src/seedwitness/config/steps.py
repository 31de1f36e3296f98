"""Sections of what is done: a model a step, in the order of the way of the data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    model_validator,
)

from seedwitness.config.inputs import Section, Share


class PrepareSettings(Section):
    """Below these a target is too flat to be recognised by, and nothing is concluded of it."""

    min_bits_per_pixel: NonNegativeFloat
    min_deviation: NonNegativeFloat
    min_busy_tiles: Share


class RecoverSettings(Section):
    """Where prompts come from."""

    methods: list[str] = Field(min_length=1)
    phrases: Path | None = None
    """A text file of phrases, one a line; without it the corpus's own phrases are ranked."""
    max_phrases: PositiveInt = 12
    shortlist: PositiveInt = 64


class LookupSettings(Section):
    """How the corpus is asked."""

    neighbours: PositiveInt = 10
    near_duplicate: Share = 0.9
    """Cosine above which two pictures of the corpus count as near-duplicates."""


class StrategySettings(Section):
    """A search strategy by its name, and its arguments."""

    name: str
    first_seed: NonNegativeInt = 0
    near: NonNegativeFloat | None = None
    """Distance by the guide at which ``rare`` aims."""


class EarlyStopSettings(Section):
    """When a search ends before its budget is spent; by default never."""

    copies: NonNegativeInt = 0
    """As soon as so many trials are copies by ``judge.copy_criteria``; 0 for never."""
    rate: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """As soon as a sweep's trials, none a copy, say at 95 % that copies are rarer; 0 for never."""

    @property
    def is_enabled(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self.copies or self.rate)


class PreselectionSettings(Section):
    """A cheap detector that says which of more candidates share the budget."""

    detector: str
    candidates: PositiveInt
    """How many of the candidates it is asked of."""
    seeds: PositiveInt = 2


class SearchSettings(Section):
    """Seeds and prompts under a budget, and how images are made from them."""

    strategy: StrategySettings
    budget_nfe: PositiveInt
    """Evaluations of the denoiser, one image each, for one case."""
    prompts: PositiveInt
    """How many of the candidates share the budget."""
    sampler: str
    steps: PositiveInt
    guidance: NonNegativeFloat
    negative_prompt: str = ""
    eta: Share = 0.0
    rng: str = "torch-cpu"
    width: PositiveInt | None = None
    height: PositiveInt | None = None
    batch: PositiveInt = 16
    shard: PositiveInt = 16
    """Seeds in a shard of the ledger: the most that a kill can cost."""
    resize: str = "stretch"
    """How a target of another size is brought to what the checkpoint makes: stretch, crop or
    letterbox."""
    distance: str = "latent-rms"
    latents: Literal["all"] | PositiveInt = "all"
    workers: PositiveInt = 1
    stop: EarlyStopSettings = Field(default_factory=EarlyStopSettings)
    preselection: PreselectionSettings | None = None
    """What it spends is taken from the budget; controls are steered in the same way."""

    @model_validator(mode="after")
    def _chooses(self) -> SearchSettings:
        if self.preselection and self.preselection.candidates < self.prompts:
            raise ValueError("steer.candidates: there must be as many as `prompts`, or more")
        return self

    @property
    def num_candidates(self) -> int:
        """How many of the candidates are looked at."""
        return self.preselection.candidates if self.preselection else self.prompts


class RecipeFitSettings(Section):
    """What is tried of a recipe once its seed is found: each with the best of the others."""

    prompts: PositiveInt = 6
    """How many of the candidates."""
    guidances: list[NonNegativeFloat] = Field(min_length=1)
    samplers: list[str] = Field(min_length=1)
    steps: list[PositiveInt] = Field(min_length=1)


class ScanSettings(Section):
    """The seed space, looked through for the one seed that a target was made from."""

    rng_algorithms: list[str] = Field(min_length=1)
    first_seed: NonNegativeInt = 0
    end_seed: Annotated[int, Field(ge=1, le=2**32)]
    """Seeds from ``first_seed`` up to this one, itself left out; 4294967296 for all."""
    draws: PositiveInt = 1
    """Of a batch that shares one generator, as ComfyUI draws it by ``torch-cpu``: how many of them
    are looked for. 1 is the first, which is what all other tools draw."""
    prompts: NonNegativeInt = 1
    """How many candidates the target is inverted under, beside the empty prompt."""
    steps: PositiveInt = 20
    """Of an inversion: one NFE each, two where guidance is not 1."""
    fixed_point_rounds: NonNegativeInt = 0
    """Of fixed-point iteration in each step."""
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.001
    """Family-wise, over all seeds, protocols, draws and inversions."""
    min_correlation: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """The correlation of inverted and true noise from which on a seed is hardly ever lost."""
    top_k: PositiveInt = 5
    """How many seeds are listed."""
    recipe_fit: RecipeFitSettings

    @property
    def num_candidates(self) -> int:
        """How many candidates are asked for, to invert under or to fit."""
        return max(self.prompts, self.recipe_fit.prompts)

    @model_validator(mode="after")
    def _range(self) -> ScanSettings:
        if self.first_seed >= self.end_seed:
            raise ValueError("first_seed: it lies below end_seed")
        return self


class ReachSettings(Section):
    """The reachability ladder: how near a checkpoint comes when it is shown the target."""

    strengths: list[Annotated[float, Field(gt=0, le=1)]]
    """Of image to image; where there are none, there is no ladder."""
    seeds: PositiveInt = 1
    """For each strength."""
    gradient_steps: NonNegativeInt = 0
    """Of Adam on the latent; 0 to leave that rung out."""
    specificity_seeds: NonNegativeInt = 0
    """Seeds for each rung on which nothing is shown and ever fewer words are left; 0 for none."""
    controls: NonNegativeInt = 24
    """How many of the controls climb the same ladder."""

    @model_validator(mode="after")
    def _once_each(self) -> ReachSettings:
        if len(set(self.strengths)) < len(self.strengths):
            raise ValueError("strengths: each is named once")
        return self
