"""Documents of what is concluded: ``finding.json`` and its parts.

Decisions are codes and values here. Their sentences are made in ``report/wording``.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seedwitness.records.document import Document
from seedwitness.records.pass_phrase import PassPhrase
from seedwitness.records.rates import Rate
from seedwitness.records.reasons import Reason
from seedwitness.records.seed_scan import SeedScan

Verdict = Literal["supported", "not supported", "inconclusive"]
FileOrigin = Literal["seen", "made", "both", "neither"]
"""What the two findings say of the file: seen in training, made by the checkpoint, both, or that
neither was shown."""


class RankedStatistic(Document):
    """The score by which a case is ranked among its controls, as its metric measures it."""

    metric: str
    version: str
    label: str
    weights_sha256: str
    higher_is_closer: bool
    value: float
    selection: Literal["closest-trial"]
    """Which trial's score it is: the closest of all."""


class Rank(Document):
    """Rank among controls: p = (1 + controls at least as close) / (1 + controls).

    ``p_family`` is p adjusted by Holm over the ``family`` cases of a report that are examined.
    """

    at_least_as_close: int
    controls: int
    planned: int
    """How many controls there were to be at most. Fewer were drawn where so many of them are as
    close that p is above α whatever the others show; then p is by Besag and Clifford (1991)."""
    p: float
    family: int
    p_family: float
    resolution: float
    alpha: float
    conditional_alpha: float
    """Upper limit at 95 % of how often an image that was never seen gets p ≤ α with these very
    controls; α itself is the mean over all sets of controls.
    """
    left_out: list[str] = Field(default_factory=list)
    """Names of controls that are the target itself."""

    @property
    def is_stopped(self) -> bool:
        """Whether the draw of controls stopped early."""
        return self.controls < self.planned

    @property
    def is_significant(self) -> bool:
        """Whether the adjusted p is at most α."""
        return self.p_family <= self.alpha


class PairedComparison(Document):
    """The same recipes on the reference checkpoint, trial by trial, by one metric.

    ``difference`` is the mean, positive where the case came closer; ``low`` and ``high`` bound it
    at 95 %.
    """

    checkpoint: str
    checkpoint_sha256: str
    metric: str
    blind_only: bool
    """Whether trials were left out because they were chosen by results."""
    n: int
    difference: float
    low: float
    high: float
    p: float


class CopyCriterion(Document):
    """The threshold from which a metric says "copy", and who says so.

    ``threshold`` is the one in use: ``stated``, or the one that the controls give where that is
    stricter. More trials bring every image closer; that of the controls moves with them.
    """

    metric: str
    threshold: float
    stated: float
    higher_is_closer: bool
    source: str


class CopyCount(Document):
    """How many trials are copies: they meet every criterion, and beat the controls themselves."""

    criteria: list[CopyCriterion]
    rank_threshold: float | None
    """The score by the statistic's metric that a copy has to reach, so that by itself it ranks at
    most at α among the controls; None where these are too few for any.
    """
    rate: Rate
    ranked: int
    """Copies among the trials that p rests on: a finding needs one of these. Each control had as
    many trials, and more of them bring every image closer.
    """
    meeting: int
    """Trials that meet every criterion as it is stated, whether they beat the controls or not."""
    best_trial: str | None
    """The closest copy by the statistic's metric."""
    reference_rate: Rate | None
    """Trials of the reference that meet every criterion as it is stated."""


class ReferenceGain(Document):
    """Rank of what a checkpoint gains over the reference, among the controls' own gains.

    The score on the checkpoint, less ``slope`` times that on the reference: both ran the same
    recipes for the target and for each control. The slope is that of all of them together, which
    leaves them exchangeable.
    """

    checkpoint: str
    checkpoint_sha256: str
    metric: str
    blind_only: bool
    """Whether trials were left out because they were chosen by results."""
    score: float
    """The closest trial's score on the checkpoint under examination."""
    reference_score: float
    reference_p: float
    """p of the reference's closest trial among the controls' on the reference: how easy it is."""
    slope: float
    gain: float
    """The residual of the target, in units of the score, positive where it came closer."""
    rank: Rank


class SensitivityVariant(Document):
    """The finding as it would be with one thing changed, and the decisive reason for it."""

    change: Reason
    finding: Verdict
    reason: Reason
    rank: Rank
    copies: int
    trials: int


class LikelihoodRatio(Document):
    """How much better H1 explains the statistic than H2; no probability of either.

    Calibrated on ``learned`` images that the checkpoint is known to have learned and on its
    controls, without the target; ``cllr`` and the rates are of ratios by calibrations that did not
    know the image.
    """

    h1: Reason
    h2: Reason
    ratio: float
    low: float
    high: float
    """Limits at 95 %, over resampled images."""
    is_capped: bool
    """Whether the ratio is the most that so many images can show, in either direction."""
    support: Reason
    """The ratio on ENFSI's verbal scale; a capped one in the class below."""
    learned: int
    controls: int
    lowest: float
    highest: float
    cllr: float
    learned_ratios: list[float]
    controls_ratios: list[float]
    misleading_h1: Rate
    """Learned images that have a ratio below 1."""
    misleading_h2: Rate
    """Controls that have a ratio above 1."""


class MemorisedFinding(Document):
    """Was the target learned, so that text alone brings it back?

    ``reasons`` begin with the decisive one. ``no_likelihood`` says why there is no ratio; exactly
    one of it and ``likelihood`` is None.
    """

    finding: Verdict
    reasons: list[Reason]
    error_rate: Reason
    limits: list[Reason]
    statistic: RankedStatistic
    rank: Rank
    copies: CopyCount
    reference: PairedComparison | None
    gain: ReferenceGain | None
    likelihood: LikelihoodRatio | None
    no_likelihood: Reason | None
    sensitivity: list[SensitivityVariant] = Field(default_factory=list)


class GeneratedFinding(Document):
    """Is the target itself an output of the checkpoint?"""

    finding: Verdict
    reasons: list[Reason]
    limits: list[Reason]
    scan: SeedScan


class CaseFindings(Document):
    """``finding.json``: what is concluded for one target against one checkpoint."""

    target: str
    checkpoint: str
    checkpoint_sha256: str
    origin: FileOrigin
    memorised: MemorisedFinding
    generated: GeneratedFinding
    pass_phrase: PassPhrase
