"""Figures in ``evidence.json``: distributions, cost, ladders, detectors, and the validation."""

from __future__ import annotations

from typing import Literal

from seedwitness.records.document import Document
from seedwitness.records.rates import Rate

TRIALS, REFERENCE, CONTROLS = "trials", "reference", "controls"
LEARNED = "learned"


class ScoreGroup(Document):
    """Scores by one metric of this case's trials, of the reference's, or of the controls."""

    what: Literal["trials", "reference", "controls"]
    n: int
    closest: float
    lower_quartile: float
    median: float
    upper_quartile: float
    farthest: float


class Distribution(Document):
    """The distribution of the scores by one metric. A control counts once, by its closest trial."""

    metric: str
    version: str
    label: str
    weights_sha256: str
    higher_is_closer: bool
    groups: list[ScoreGroup]


class BudgetPoint(Document):
    """The closest score after a number of trials, and the controls' after as many."""

    trials: int
    nfe: int
    closest: float
    controls_median: float | None
    controls_closest: float | None
    controls_farthest: float | None


class Rung(Document):
    """A rung of the reachability ladder: the closest score of the target, and of the controls."""

    rung: str
    strength: float
    prompt: str
    seeds: int
    score: float
    controls: int
    controls_closest: float | None
    controls_median: float | None
    controls_as_close: int
    image: str


class ReachabilityLadder(Document):
    """How close the checkpoint comes when it starts from the target, rung by rung."""

    metric: str
    label: str
    higher_is_closer: bool
    prompt: str
    rungs: list[Rung]


class DetectorPower(Document):
    """The share of learned images that a detector finds in a lab, at 1 % false alarms."""

    lab: str
    exposures: int
    """How often a training epoch showed each learned image."""
    tpr: float
    low: float
    high: float
    learned: int
    not_learned: int


class DetectorResult(Document):
    """A published detector's value, and those of controls; higher is more memorised.

    ``value`` is None where the detector says "not at all" without a number.
    """

    detector: str
    source: str
    needs: Literal["prompt", "picture"]
    prompt: str
    seeds: int
    value: float | None
    nfe: int
    backward: int
    controls: int
    controls_highest: float | None
    controls_median: float | None
    controls_as_high: int
    share: float
    """Of target and controls together that are as high; no test."""
    power: list[DetectorPower]
    """Measured in the labs; empty where it was not measured."""


class FoundRate(Document):
    """Of images that a training epoch showed ``exposures`` times, how many were supported."""

    exposures: int
    supported: Rate


class ValidationRun(Document):
    """One lab under one budget; captions were stated, and the truth was not known to the judge."""

    name: str
    lab: str
    date: str
    budget_nfe: int
    steps: int
    controls: int
    not_learned: Rate
    """Images that were not learned and are called supported: false alarms."""
    excluded: int
    """Images that were not learned and of which nothing was concluded; not counted in the rate."""
    dose: list[FoundRate]
    """The dose curve: found images by exposures, the most first."""


class Validation(Document):
    """The validation of the procedure of a report.

    ``is_same_procedure`` says whether ``runs`` have the strategy, budget, prompts, sampler, steps,
    guidance, statistic, α, copy criteria and rule of the report. Otherwise they are those of the
    same settings under another rule, or all runs.
    """

    is_same_procedure: bool
    runs: list[ValidationRun]
