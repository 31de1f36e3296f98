"""Sections for what judges: detectors, metrics, controls, findings, and how they are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeInt,
    PositiveInt,
    model_validator,
)

from seedwitness.config.inputs import EntryName, Section, require_watched


class DetectorSettings(Section):
    """Published statistics of memorisation, for figures beside the finding."""

    names: list[str]
    seeds: PositiveInt = 2
    controls: NonNegativeInt = 24
    """How many of the controls are asked the same."""


PROMPT_METRIC = "clip-text"
"""The metric that holds a picture against its prompt, and so says nothing of a target."""

METRICS_WITH_WEIGHTS = frozenset(
    {"clip", PROMPT_METRIC, "descriptor", "dinov2", "dreamsim", "lpips"}
)
"""Metrics that cannot run without weights."""


class ScoreSettings(Section):
    """The metrics by which every trial is scored, and their weights."""

    metrics: list[str] = Field(min_length=1)
    weights: dict[str, Path] = Field(default_factory=dict)
    watch: Path | None = None
    """As a checkpoint's, for all the weights together."""
    batch: PositiveInt = 32
    mirrored: bool = False
    """Whether the target is tried mirrored too, and the closer counts."""
    shift: NonNegativeInt = 0
    """Pixels by which it is tried shifted to eight sides too."""
    images: PositiveInt = 4
    """How many of the closest trials by each metric are kept as pictures."""

    @property
    def runnable(self) -> list[str]:
        """Metrics that can run: they need no weights, or have some."""
        return [name for name in self.metrics if name not in self.without_weights]

    @property
    def without_weights(self) -> list[str]:
        """Metrics that no weights were named for: reports say so."""
        return [
            name
            for name in self.metrics
            if name in METRICS_WITH_WEIGHTS and name not in self.weights
        ]

    @model_validator(mode="after")
    def _watched(self) -> ScoreSettings:
        for path in self.weights.values():
            require_watched(self.watch, path)
        return self


class LearnedImagesSettings(Section):
    """Images that a checkpoint is known to have learned, an ImageFolder a checkpoint."""

    folders: dict[EntryName, Path] = Field(min_length=1)
    count: Annotated[int, Field(ge=2)]
    source: str


class ControlSettings(Section):
    """Images that are known to be outside the training set, put through the same steps."""

    path: Path
    count: PositiveInt
    source: str
    similar_to: list[Path] = Field(default_factory=list)
    """Pictures, mostly of targets: the controls are those most alike to them by the descriptor.
    Without them they are chosen by the hash of their names.
    """
    watch: Path | None = None
    """As a checkpoint's, for all that is named here together."""
    learned: LearnedImagesSettings | None = None
    """Put through the same steps too, for a likelihood ratio; without them there is none."""

    @model_validator(mode="after")
    def _watched(self) -> ControlSettings:
        known = self.learned.folders.values() if self.learned else ()
        for path in [self.path, *self.similar_to, *known]:
            require_watched(self.watch, path)
        return self


def _of_target(metric: str) -> str:
    if metric == PROMPT_METRIC:
        raise ValueError(
            f"{PROMPT_METRIC} says whether a picture shows its prompt, not how like the target it is"
        )
    return metric


TargetMetric = Annotated[str, AfterValidator(_of_target)]


class CopyCriterionSettings(Section):
    """From where on a metric says "copy", and who says so."""

    metric: TargetMetric
    threshold: float
    source: str


class JudgeSettings(Section):
    """How a finding is reached."""

    metric: TargetMetric
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.01
    min_controls: PositiveInt = 99
    copy_criteria: list[CopyCriterionSettings] = Field(min_length=1)
    reference: EntryName
    resamples: PositiveInt = 10_000
    seed: int = 1


class ReportSettings(Section):
    """What a report shows."""

    images: PositiveInt = 4
    title: str = "Evidence report"


class TrackingSettings(Section):
    """Where MLflow keeps its view of the files."""

    uri: str = "sqlite:///mlflow.db"
    artifacts: str = "mlartifacts"
    experiment: str = "seedwitness"
