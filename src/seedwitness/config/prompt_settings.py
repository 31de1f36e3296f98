"""Sections of prompt recovery: captioners, optimised prompts, refinement, and prompt classes."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from seedwitness.config.inputs import Section
from seedwitness.config.names import CheckpointMethod, InterrogateMode, PromptClass


class CaptionerSettings(Section):
    """A captioner on disk, which nothing downloads."""

    kind: Literal["transformers", "tagger"]
    """``transformers`` is any image-to-text model of that library (BLIP, Florence-2, LLaVA);
    ``tagger`` an ONNX tagger with its ``selected_tags.csv`` (WD taggers)."""
    path: Path
    prompt: str = ""
    """What the captioner is asked: a task token such as <DETAILED_CAPTION>, or a sentence."""
    max_tokens: PositiveInt = 75
    threshold: float = Field(default=0.35, ge=0, le=1)
    """The least probability of a tag."""


class PezSettings(Section):
    """Hard prompts by gradient on CLIP (Wen et al., 2023), with the paper's constants."""

    tokens: PositiveInt = 16
    steps: PositiveInt = 3000
    learning_rate: PositiveFloat = 0.1
    weight_decay: float = Field(default=0.1, ge=0)
    seed: NonNegativeInt = 0


class Ph2pSettings(Section):
    """Hard prompts by gradient on the denoising loss (Mahajan et al., 2024), as in the paper."""

    tokens: PositiveInt = 15
    steps: PositiveInt = 500
    max_iterations: PositiveInt = 20
    learning_rate: PositiveFloat = 0.8
    accumulate: PositiveInt = 3
    seed: NonNegativeInt = 0


class RefinementSettings(Section):
    """The recovery methods that run the checkpoint, and the ranking of all candidates by it.

    The same is done to targets and to controls; its NFE are taken from ``search.budget_nfe``.
    """

    budget_nfe: PositiveInt
    """Evaluations of the denoiser, for each case; a backward pass counts as one more."""
    methods: list[CheckpointMethod] = Field(default=["evolve"])
    """The methods that share the budget; without any the candidates are only ranked."""
    candidates: PositiveInt = 16
    """The number of candidates from recovery and lookup that are ranked, and evolved."""
    score: Literal["denoising-loss", "regeneration"] = "denoising-loss"
    """What selects among many candidates before the finalists are regenerated."""
    levels: PositiveInt = 4
    """Noise levels of the denoising loss: NFE of a score."""
    finalists: PositiveInt = 4
    """The number of candidates that are ranked by regeneration, the best of them being tried."""
    seeds: PositiveInt = 2
    """Seeds of the regenerations; a search never uses them."""
    steps: PositiveInt = 5
    """Sampling steps of a regeneration."""
    seconds: PositiveFloat | None = None
    """A limit in time for each case. What it ended need not be the same in the next run."""
    ph2p: Ph2pSettings = Field(default_factory=Ph2pSettings)


class PromptClassSettings(Section):
    """Prompts of each class, tried with the same seeds as the others."""

    classes: list[PromptClass] = Field(min_length=2)
    seeds: PositiveInt = 8
    wild: Path | None = None
    """A text file of prompts in the wild, one a line: for example users' real prompts."""
    wild_count: PositiveInt = 4
    """The prompts of that file to try: those with the most words of the target's caption."""


RECOVER_MODES: tuple[InterrogateMode, ...] = ("best", "classic", "fast", "negative")
