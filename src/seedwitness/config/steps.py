"""Sections of the steps from prompt recovery to the ladders, in the order of the stages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from seedwitness.config.inputs import Section, Share
from seedwitness.config.names import (
    SAMPLERS_WITH_ETA,
    DetectorName,
    InterrogateMode,
    LatentDistance,
    RecoveryMethod,
    ResizeRule,
    RngAlgorithm,
    Sampler,
    ScannedRng,
    Strategy,
)
from seedwitness.config.prompt_settings import (
    RECOVER_MODES,
    CaptionerSettings,
    PezSettings,
    PromptClassSettings,
    RefinementSettings,
)
from seedwitness.records.placement import PlacementKind
from seedwitness.records.recipe import count_nfe
from seedwitness.records.search import BLIND_STRATEGY
from seedwitness.records.seed_scan import LookKind


class PrepareSettings(Section):
    """The least information content of a target; below these values nothing is concluded of it."""

    min_bits_per_pixel: NonNegativeFloat
    min_deviation: NonNegativeFloat
    min_busy_tiles: Share
    margin: Share = 0.0
    """The share by which these limits, and that of a blank sheet, are raised."""


class RecoverSettings(Section):
    """The recovery of prompt candidates."""

    methods: list[RecoveryMethod] = Field(min_length=1)
    phrases: Path | None = None
    """A text file of phrases, one a line; without it the phrases of the corpus are ranked."""
    max_phrases: PositiveInt = 12
    shortlist: PositiveInt = 64
    tables: Path | None = None
    """A folder of CLIP Interrogator's tables (text files); without it our own are used."""
    modes: list[InterrogateMode] = Field(default=list(RECOVER_MODES), min_length=1)
    captioners: list[CaptionerSettings] = Field(default_factory=list)
    """Without any, ``caption`` gives the closest phrase of the phrases as a stand-in."""
    pez: PezSettings = Field(default_factory=PezSettings)
    seconds: PositiveFloat | None = None
    """A limit in time for ``pez``. A result that it ended need not be the same in the next run."""


class LookupSettings(Section):
    """The lookup of matches in the corpus."""

    neighbours: PositiveInt = 10
    near_duplicate: Share = 0.9
    """Cosine similarity above which two images of the corpus count as near-duplicates."""
    copy_descriptor: Share = 0.75
    """Cosine of copy-detection descriptors from which on two images count as copies."""
    copy_pdq: NonNegativeInt = 31
    """Bits of PDQ up to which two images of equal colours count as copies."""


class StrategySettings(Section):
    """A search strategy by its name, and its arguments."""

    name: Strategy
    first_seed: NonNegativeInt = 0
    near: NonNegativeFloat | None = None
    """The latent distance whose probability ``subset-simulation`` estimates."""


class EarlyStopSettings(Section):
    """Early stopping: when a search ends before its budget is spent; by default never."""

    copies: NonNegativeInt = 0
    """The search ends after this number of copies by ``judge.copy_criteria``; 0 for never."""
    rate: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """A sweep ends if its trials without a copy exclude this copy rate at 95 %; 0 for never."""

    @property
    def is_enabled(self) -> bool:
        """Whether a search can end early."""
        return bool(self.copies or self.rate)


class PreselectionSettings(Section):
    """A cheap detector that selects the prompt candidates that share the budget."""

    detector: DetectorName
    candidates: PositiveInt
    """The number of prompt candidates that the detector is run on."""
    seeds: PositiveInt = 2


class SearchSettings(Section):
    """The search of seeds and prompts under a budget, and the settings of its recipes."""

    strategy: StrategySettings
    budget_nfe: PositiveInt
    """Evaluations of the denoiser for one image each, per case and per control: p rests on them."""
    rate_nfe: NonNegativeInt = 0
    """Further evaluations for the rate of copies: a target has them and its controls do not."""
    prompts: PositiveInt
    """The number of prompt candidates that share the budget."""
    sampler: Sampler
    steps: PositiveInt
    guidance: NonNegativeFloat
    negative_prompt: str = ""
    eta: Share = 0.0
    rng: RngAlgorithm = "torch-cpu"
    width: PositiveInt | None = None
    height: PositiveInt | None = None
    batch: PositiveInt = 16
    shard: PositiveInt = 16
    """Trials in a shard of the latent cache: the most that a kill can lose."""
    resize: ResizeRule = "stretch"
    """How a target of another size is resized to the recipe's size: stretch, crop or letterbox."""
    distance: LatentDistance = "latent-rms"
    latents: Literal["all"] | PositiveInt = "all"
    workers: PositiveInt = 1
    stop: EarlyStopSettings = Field(default_factory=EarlyStopSettings)
    preselection: PreselectionSettings | None = None
    """Its cost is taken from the budget; the prompts of controls are selected in the same way."""
    refinement: RefinementSettings | None = None
    """As ``preselection``, with methods that make prompts on the checkpoint, and regeneration."""

    @model_validator(mode="after")
    def _check_preselection(self) -> SearchSettings:
        if self.preselection and self.preselection.candidates < self.prompts:
            raise ValueError("preselection.candidates: it must be at least `prompts`")
        return self

    @model_validator(mode="after")
    def _check_refinement(self) -> SearchSettings:
        refinement = self.refinement
        if refinement is None:
            return self
        if self.preselection:
            raise ValueError("refinement: it ranks prompts as `preselection` does; set one to null")
        finals = refinement.seeds * count_nfe(refinement.steps, self.guidance, self.sampler)
        needed = refinement.finalists * finals
        if refinement.finalists < self.prompts:
            raise ValueError("refinement.finalists: it must be at least `prompts`")
        if needed > refinement.budget_nfe:
            raise ValueError(
                f"refinement.budget_nfe: {refinement.finalists} finalists cost {needed} NFE, and "
                f"the budget is {refinement.budget_nfe}"
            )
        trial = count_nfe(self.steps, self.guidance, self.sampler)
        if self.budget_nfe - refinement.budget_nfe < trial:
            raise ValueError(
                f"refinement.budget_nfe: it is taken from budget_nfe, {self.budget_nfe}, and "
                f"leaves less than one trial, which costs {trial}"
            )
        return self

    @model_validator(mode="after")
    def _check_budget(self) -> SearchSettings:
        cost = count_nfe(self.steps, self.guidance, self.sampler)
        if self.budget_nfe < cost:
            raise ValueError(
                f"budget_nfe: {self.budget_nfe} evaluations do not pay for one trial, which costs "
                f"{cost} at {self.steps} steps and guidance {self.guidance:g}"
            )
        if self.rate_nfe and self.strategy.name != BLIND_STRATEGY:
            raise ValueError(
                f"rate_nfe: the strategy {self.strategy.name} chooses trials by results, so its "
                f"first ones are not those of a smaller budget; use {BLIND_STRATEGY}, or 0"
            )
        if self.eta and self.sampler not in SAMPLERS_WITH_ETA:
            raise ValueError(
                f"eta: the sampler {self.sampler} draws no noise within its steps; those that do "
                f"are {', '.join(SAMPLERS_WITH_ETA)}"
            )
        return self

    @property
    def num_candidates(self) -> int:
        """The number of prompt candidates that the search needs."""
        if self.refinement:
            return max(self.refinement.candidates, self.prompts)
        return self.preselection.candidates if self.preselection else self.prompts


class RecipeFitSettings(Section):
    """Recipe fitting after a seed was recovered: the values to try."""

    prompts: PositiveInt = 6
    """The number of prompt candidates."""
    guidances: list[NonNegativeFloat] = Field(
        default=[1.0, 2.0, 3.0, 5.0, 7.0, 7.5, 9.0], min_length=1
    )
    samplers: list[Sampler] = Field(default=["ddim", "euler", "dpmpp-2m", "euler-a"], min_length=1)
    steps: list[PositiveInt] = Field(default=[10, 20, 25, 30, 50], min_length=1)
    max_nfe: PositiveInt = 6000
    """Most evaluations of the denoiser that are spent."""
    prompt_nfe: NonNegativeInt = 0
    """Evaluations before that by which prompts are ranked and evolved with the noise of the seed,
    one generation each; 0 to take the candidates as they are."""


class ScanSettings(Section):
    """The seed scan: the search of the seed space for the seed of a target.

    The defaults are those of conf/scan/quick.yaml, for scans outside of a project.
    """

    rng_algorithms: list[ScannedRng] = Field(default=["torch-cpu", "philox-nv"], min_length=1)
    first_seed: NonNegativeInt = 0
    end_seed: Annotated[int, Field(ge=1, le=2**32)] = 4_194_304
    """Seeds from ``first_seed`` up to but not including this one; 4294967296 for all."""
    looks: list[LookKind] = Field(default=["first-noise", "step-noise", "inversion"], min_length=1)
    """What to compare with the noise of the seeds, cheapest first; later looks are made only where
    those before them recovered no seed."""
    placements: list[PlacementKind] = Field(default_factory=lambda: [*get_args(PlacementKind)])
    """How the target may lie in the sampled image, beside as it is, for the look at first noise: as
    its mirror image; without a border of one colour; resized to, or cropped from, the checkpoint's
    or a claimed size: the middle, the corners, or anywhere."""
    anywhere_seeds: PositiveInt = 65_536
    """How many seeds of the range, from its first on, a target that may be cropped anywhere is
    looked at for. Claimed seeds are always scored."""
    draws: PositiveInt = 1
    """How many images of a batch that shares one generator are scanned, as ComfyUI draws it by
    ``torch-cpu``. 1 is the first image only, which is what all other tools draw."""
    step_counts: list[PositiveInt] = Field(default=[20, 25, 30, 40], min_length=1)
    """Numbers of sampling steps for which the look at step noise has weights."""
    step_seeds: PositiveInt = 4096
    """How many seeds of the range, from its first on, step noise is looked for: each costs a
    hundred times as much as the others. Claimed seeds are always scored."""
    prompts: NonNegativeInt = 1
    """The number of prompt candidates to invert the target under, beside the empty prompt."""
    steps: PositiveInt = 20
    """Steps of an inversion: one NFE each, two if guidance is not 1."""
    fixed_point_rounds: NonNegativeInt = 0
    """Rounds of fixed-point iteration in each step."""
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.001
    """Family-wise error rate, over all seeds, RNG algorithms, draws and looks."""
    min_z: Annotated[float, Field(gt=5)] = 8.0
    """The z of a seed's noise in the target from which on it is hardly ever missed."""
    top_k: PositiveInt = 5
    """The number of seeds to list."""
    recipe_fit: RecipeFitSettings = Field(default_factory=RecipeFitSettings)

    @property
    def num_candidates(self) -> int:
        """The number of prompt candidates that inversion or recipe fitting needs."""
        return max(self.prompts, self.recipe_fit.prompts)

    @model_validator(mode="after")
    def _check_range(self) -> ScanSettings:
        if self.first_seed >= self.end_seed:
            raise ValueError("first_seed: it must be less than end_seed")
        return self


class ReachSettings(Section):
    """The reachability and specificity ladders."""

    strengths: list[Annotated[float, Field(gt=0, le=1)]]
    """Strengths of image to image; without any there is no ladder."""
    seeds: PositiveInt = 1
    """Noise seeds for each strength."""
    gradient_steps: NonNegativeInt = 0
    """Steps of Adam on the latent; 0 to omit that rung."""
    specificity_seeds: NonNegativeInt = 0
    """Noise seeds for each rung of the specificity ladder; 0 to omit it."""
    controls: NonNegativeInt = 24
    """The number of controls that are measured on the same ladders."""
    classes: PromptClassSettings | None = None
    """Prompts of several classes with the same seeds, as further rungs of the ladders."""

    @model_validator(mode="after")
    def _check_strengths(self) -> ReachSettings:
        if len(set(self.strengths)) < len(self.strengths):
            raise ValueError("strengths: name each strength once")
        return self
