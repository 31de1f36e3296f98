"""Documents of a search and of its replay on the reference checkpoint."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seedwitness.records.document import Document

BLIND_STRATEGY = "sweep"
"""The strategy whose seeds are chosen by no result: a fair sample of what the checkpoint gives."""


class SimulationLevel(Document):
    """A level of subset simulation: how many of its trials are within a distance."""

    distance: float
    share: float
    trials: int
    worth: float
    """Independent trials that tell as much: along a walk they are alike."""


class RarityEstimate(Document):
    """How rarely a blind seed comes within a latent distance of the target."""

    near: float
    probability: float
    """0 where no trial came that near; ``high`` bounds it also then."""
    low: float
    high: float
    levels: list[SimulationLevel]


class PreselectedPrompt(Document):
    """A candidate prompt, a detector's value of it, and whether it shares the budget."""

    prompt: str
    value: float
    selected: bool


class SearchSummary(Document):
    """``search.json``: what was searched under which budget, and why it stopped."""

    target: str
    checkpoint: str
    checkpoint_sha256: str
    strategy: str
    distance: str
    """The latent distance that ranked the trials."""
    resize: str = ""
    """How the target was resized to be compared, in words."""
    budget_nfe: int
    nfe: int
    trials: int
    prompts: list[str]
    stopped: str
    ended: Literal["budget", "copies", "futile"]
    """Why, in a word: its strategy was done, or it saw copies enough, or none in so many trials."""
    best_trial: str
    best_distance: float
    rare: RarityEstimate | None = None
    preselected: list[PreselectedPrompt] = Field(default_factory=list)
    """Every candidate that a detector was asked of, where one decided which share the budget."""

    @property
    def is_blind(self) -> bool:
        """Whether no trial was chosen by what came of another."""
        return self.strategy == BLIND_STRATEGY


class ReplaySummary(Document):
    """``replay.json``: a case's recipes on the reference checkpoint.

    There are no trials where the checkpoint is the reference itself.
    """

    target: str
    checkpoint: str
    reference: str
    reference_sha256: str
    distance: str
    """The latent distance that ranked the trials; empty where there are none."""
    trials: int
    nfe: int
