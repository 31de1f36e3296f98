"""Tables and documents of the question *exposed*: losses, features, findings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seedwitness.records.document import Document
from seedwitness.records.findings import Rank, Verdict
from seedwitness.records.rates import Rate
from seedwitness.records.reasons import Reason
from seedwitness.records.tables import INTEGER, REAL, TEXT

LOSSES = {
    "prompt": TEXT,  # the caption, or empty
    "timestep": INTEGER,
    "noise_seed": INTEGER,
    "loss": REAL,  # lower where the checkpoint knows the image; may be no finite number
}
"""The denoising losses of one image; each is one NFE."""

TARGET_LOSSES = {"checkpoint": TEXT, "checkpoint_sha256": TEXT, "objective": TEXT, **LOSSES}

CONTROL_LOSSES = {"control": TEXT, "pixels_sha256": TEXT, **LOSSES}

FEATURES = {
    "image": TEXT,  # the name of a control; empty for the target
    "group": TEXT,  # what the feature is of: file, size, jpeg, colour, texture, caption
    "feature": TEXT,
    "value": REAL,
}
"""What an image, its file and its caption are like, by no model."""


class Overlap(Document):
    """A control that shows the target, or a part of it."""

    control: str
    kind: Literal["same", "mirrored", "crop", "mirrored crop"]
    correlation: float
    """Of the pixels of both, where one covers the other; 1 for the same image."""


class OverlapReport(Document):
    """``overlaps.json``: the controls that overlap the target; mostly none."""

    overlaps: list[Overlap]


class BlindCheck(Document):
    """Whether features of no model tell one target from its controls, by its rank in them.

    ``p`` is exact: it ranks the target by the feature group in which it is most unusual, and every
    control by its own. ``group`` and ``features`` are those of the target, the most unusual first.
    """

    p: float
    at_least_as_unusual: int
    controls: int
    alpha: float
    group: str
    features: list[str]

    @property
    def tells_apart(self) -> bool:
        """Whether the target is too unusual for the controls to stand for it."""
        return self.p <= self.alpha


class LossRank(Document):
    """The target's loss, its reference's, and the rank of the gain among the controls' own.

    The loss is a mean over timesteps and noises. ``gain`` is the residual of the loss on a line in
    the reference's, positive where the loss is lower than that line says; without a reference it is
    that of the mean loss of the controls.
    """

    prompt: str
    """The caption under which the losses were measured; empty without one."""
    timesteps: list[int]
    noises: int
    nfe: int
    loss: float | None
    """None where it is no finite number."""
    reference: str | None
    reference_loss: float | None
    reference_p: float | None
    """p of the target's loss on the reference, among the controls' there."""
    slope: float | None
    gain: float | None
    rank: Rank | None
    """None where the target has no finite loss."""


class ExposedFinding(Document):
    """Does the checkpoint know the target better than images it never saw? No evidence of copying.

    ``reasons`` begin with the decisive one.
    """

    checkpoint: str
    checkpoint_sha256: str
    finding: Verdict
    reasons: list[Reason]
    limits: list[Reason]
    losses: LossRank
    blind: BlindCheck


class ExposedFindings(Document):
    """``exposed.json``: the findings of one target, of all checkpoints."""

    target: str
    cases: list[ExposedFinding]


class BlindClassifier(Document):
    """A classifier of no model, works against held-out images: cross-fitted AUC with 95 % limits.

    ``features`` are those that it rests on most, with their signs, the weightiest first.
    """

    auc: float
    low: float
    high: float
    works: int
    held_out: int
    features: list[str]

    @property
    def tells_apart(self) -> bool:
        """Whether the classifier is above chance."""
        return self.low > 0.5


class PortfolioFinding(Document):
    """``portfolio.json``: one question for many works by one author, with one p.

    ``gain`` is the mean gain of the works less that of the held-out images, in standard deviations
    of the latter. ``above_median`` counts works whose gain is above the held-out images' median.
    """

    checkpoint: str
    checkpoint_sha256: str
    reference: str | None
    reference_sha256: str | None
    works: int
    held_out: int
    duplicates: list[str]
    """Works that are the same image as another and were left out."""
    finding: Verdict
    reasons: list[Reason]
    limits: list[Reason]
    test: Literal["unpaired", "paired"]
    p: float | None
    resolution: float
    alpha: float
    gain: float | None
    slope: float | None
    above_median: Rate | None
    blind: BlindClassifier | None
    timesteps: list[int] = Field(default_factory=list)
    noises: int = 0
    nfe: int = 0
