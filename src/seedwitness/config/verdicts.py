"""Sections of detectors, metrics, controls, findings, reports and tracking."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeInt,
    PositiveInt,
    model_validator,
)

from seedwitness.config.inputs import EntryName, Section, require_watched
from seedwitness.config.names import (
    METRICS_WITH_WEIGHTS,
    PROMPT_METRIC,
    DetectorName,
    MetricName,
)
from seedwitness.config.targets import Day


class DetectorSettings(Section):
    """Published memorisation detectors, whose values are reported beside the finding."""

    names: list[DetectorName]
    seeds: PositiveInt = 2
    controls: NonNegativeInt = 24
    """The number of controls that the detectors are run on."""


class ScoreSettings(Section):
    """The metrics by which every trial is scored, and their weights."""

    metrics: list[MetricName] = Field(min_length=1)
    weights: dict[str, Path] = Field(default_factory=dict)
    watch: Path | None = None
    """As in ``CheckpointSettings``, for all weights together."""
    batch: PositiveInt = 32
    mirrored: bool = False
    """Whether the target is also compared mirrored; the closer alignment counts."""
    shift: NonNegativeInt = 0
    """Pixels by which the target is also compared shifted in eight directions."""
    images: PositiveInt = 4
    """The number of closest trials by each metric whose images are saved."""

    @property
    def runnable_metrics(self) -> list[str]:
        """Metrics that can run: they need no weights, or their weights are configured."""
        return [name for name in self.metrics if name not in self.metrics_without_weights]

    @property
    def metrics_without_weights(self) -> list[str]:
        """Metrics without the weights that they need; reports list them."""
        return [
            name
            for name in self.metrics
            if name in METRICS_WITH_WEIGHTS and name not in self.weights
        ]

    @model_validator(mode="after")
    def _check_watch(self) -> ScoreSettings:
        for path in self.weights.values():
            require_watched(self.watch, path)
        return self


class LearnedImagesSettings(Section):
    """Images that a checkpoint is known to have learned, an ImageFolder a checkpoint."""

    folders: dict[EntryName, Path] = Field(min_length=1)
    count: Annotated[int, Field(ge=2)]
    source: str


DrawBy = Literal["data/plan/controls.json", "data/score"]
"""What decides how many controls are drawn: the plan alone, or the scores of all targets too."""
DRAW_UNTIL_DECIDED = "data/score"
DRAW_BLOCK = 10
"""Controls that are drawn together, where the draw may stop early."""


class ControlSettings(Section):
    """Controls: images known to be outside the training set, examined by the same stages."""

    path: Path
    count: PositiveInt
    draw_by: DrawBy = "data/plan/controls.json"
    """With data/score controls are drawn in blocks, until p of every target is above α whatever the
    others show, or all were drawn. Then the stage depends on the scores of all targets, and runs
    again when one is added; what was sampled is in the cache."""
    reference_trials: PositiveInt | None = None
    """How many first trials of each control run on the reference too, to measure how easy it is;
    None for all of them. The gain of a target is ranked by the same trials."""
    source: str
    similar_to: list[Path] = Field(default_factory=list)
    """Images, mostly of targets: the controls most similar to them by the descriptor are used.
    Without them controls are selected by the SHA-256 of their file names.
    """
    watch: Path | None = None
    """As in ``CheckpointSettings``, for all paths of this section together."""
    learned: LearnedImagesSettings | None = None
    """Examined by the same stages, for a likelihood ratio; without them there is none."""

    @model_validator(mode="after")
    def _check_watch(self) -> ControlSettings:
        if self.draw_by == DRAW_UNTIL_DECIDED and self.similar_to:
            raise ValueError(
                "draw_by: controls that are ordered by similarity cannot stop early, because the "
                "order must depend on no image; leave similar_to empty, or draw_by as it is"
            )
        learned = self.learned.folders.values() if self.learned else ()
        for path in [self.path, *self.similar_to, *learned]:
            require_watched(self.watch, path)
        return self


def _check_target_metric(metric: str) -> str:
    if metric == PROMPT_METRIC:
        raise ValueError(
            f"{PROMPT_METRIC} compares an image with its prompt and not with the target"
        )
    return metric


TargetMetric = Annotated[MetricName, AfterValidator(_check_target_metric)]


class CopyCriterionSettings(Section):
    """A copy criterion: the threshold of a metric, and the source of the threshold."""

    metric: TargetMetric
    threshold: float
    source: str


class JudgeSettings(Section):
    """The decision about a case."""

    metric: TargetMetric
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.01
    min_controls: PositiveInt = 99
    copy_criteria: list[CopyCriterionSettings] = Field(min_length=1)
    reference: EntryName
    published: dict[EntryName, Day] = Field(default_factory=dict)
    """The day on which each checkpoint was published or trained, as it is stated. An image that a
    stated source shows before that day is no output of the checkpoint."""
    resamples: PositiveInt = 10_000
    seed: int = 1


class ReportSettings(Section):
    """The content of a report."""

    images: PositiveInt = 4
    title: str = "Evidence report"


class TrackingSettings(Section):
    """The MLflow store of the results."""

    uri: str = "sqlite:///mlflow.db"
    artifacts: str = "mlartifacts"
    experiment: str = "seedwitness"
