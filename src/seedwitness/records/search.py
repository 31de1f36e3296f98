"""Documents of a search and of its replay on the reference checkpoint."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seedwitness.records.document import Document
from seedwitness.records.reasons import Reason

BLIND_STRATEGY = "sweep"
"""The strategy that chooses seeds without looking at results: a fair sample of the outputs."""


class SimulationLevel(Document):
    """A level of subset simulation: the share of its trials within a distance."""

    distance: float
    share: float
    trials: int
    worth: float
    """Effective number of independent trials, as the trials of a chain are correlated."""


class RarityEstimate(Document):
    """The probability that a blind seed comes within a latent distance of the target."""

    near: float
    probability: float
    """0 if no trial came that near; ``high`` is an upper bound even then."""
    low: float
    high: float
    levels: list[SimulationLevel]


class PreselectedPrompt(Document):
    """A prompt candidate, its detector value, and whether it was selected to share the budget."""

    prompt: str
    value: float
    selected: bool


class TargetResize(Document):
    """The target's size and the size at which it was compared, in pixels, and the resize rule."""

    rule: str
    target_width: int
    target_height: int
    width: int
    height: int


class SearchSummary(Document):
    """``search.json``: what was searched, the budget, and why the search ended."""

    target: str
    checkpoint: str
    checkpoint_sha256: str
    strategy: str
    distance: str
    """The latent distance that ranked the trials."""
    resize: TargetResize
    budget_nfe: int
    nfe: int
    trials: int
    rate_trials: int = 0
    """How many of the trials, the last ones, count in the rate of copies only: p rests on the
    first ones, of which each control had as many."""
    prompts: list[str]
    ended: Literal["budget", "copies", "futile"]
    """At what: the end of its budget, enough copies, or enough trials without a copy."""
    end_reason: Reason
    best_trial: str
    best_distance: float
    rare: RarityEstimate | None = None
    preselected: list[PreselectedPrompt] = Field(default_factory=list)
    """All prompt candidates with their detector values, if a detector selected among them."""

    @property
    def is_blind(self) -> bool:
        """Whether all seeds are blind: no trial was chosen by the result of another."""
        return self.strategy == BLIND_STRATEGY


class ReplaySummary(Document):
    """``replay.json``: the recipes of a case, run on the reference checkpoint.

    There are no trials if the checkpoint is the reference itself.
    """

    target: str
    checkpoint: str
    reference: str
    reference_sha256: str
    distance: str
    """The latent distance that ranked the trials; empty if there are none."""
    trials: int
    nfe: int
