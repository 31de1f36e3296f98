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

from seedwitness.config.inputs import Name, Section, within_watch


class Detectors(Section):
    """Published statistics of memorisation, for figures beside the finding."""

    names: list[str]
    seeds: PositiveInt = 2
    controls: NonNegativeInt = 24
    """How many of the controls are asked the same."""


PROMPTED = "clip-text"
"""The metric that holds a picture against its prompt, and so says nothing of a target."""

WEIGHTED = frozenset({"clip", PROMPTED, "descriptor", "dinov2", "dreamsim", "lpips"})
"""Metrics that cannot run without weights."""


class Score(Section):
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
    def run(self) -> list[str]:
        """Metrics that can run: they need no weights, or have some."""
        return [name for name in self.metrics if name not in self.not_run]

    @property
    def not_run(self) -> list[str]:
        """Metrics that no weights were named for: reports say so."""
        return [name for name in self.metrics if name in WEIGHTED and name not in self.weights]

    @model_validator(mode="after")
    def _watched(self) -> Score:
        for path in self.weights.values():
            within_watch(self.watch, path)
        return self


class Known(Section):
    """Images that a checkpoint is known to have learned, an ImageFolder a checkpoint."""

    folders: dict[Name, Path] = Field(min_length=1)
    count: Annotated[int, Field(ge=2)]
    source: str


class Controls(Section):
    """Images that are known to be outside the training set, put through the same steps."""

    path: Path
    count: PositiveInt
    source: str
    like: list[Path] = Field(default_factory=list)
    """Pictures, mostly of targets: the controls are those most alike to them by the descriptor.
    Without them they are chosen by the hash of their names.
    """
    watch: Path | None = None
    """As a checkpoint's, for all that is named here together."""
    known: Known | None = None
    """Put through the same steps too, for a likelihood ratio; without them there is none."""

    @model_validator(mode="after")
    def _watched(self) -> Controls:
        known = self.known.folders.values() if self.known else ()
        for path in [self.path, *self.like, *known]:
            within_watch(self.watch, path)
        return self


def _of_target(metric: str) -> str:
    if metric == PROMPTED:
        raise ValueError(
            f"{PROMPTED} says whether a picture shows its prompt, not how like the target it is"
        )
    return metric


OfTarget = Annotated[str, AfterValidator(_of_target)]


class Copy(Section):
    """From where on a metric says "copy", and who says so."""

    metric: OfTarget
    threshold: float
    source: str


class Judge(Section):
    """How a finding is reached."""

    metric: OfTarget
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.01
    least_controls: PositiveInt = 99
    copies: list[Copy] = Field(min_length=1)
    reference: Name
    resamples: PositiveInt = 10_000
    seed: int = 1


class Report(Section):
    """What a report shows."""

    images: PositiveInt = 4
    title: str = "Evidence report"


class Tracking(Section):
    """Where MLflow keeps its view of the files."""

    uri: str = "sqlite:///mlflow.db"
    artifacts: str = "mlartifacts"
    experiment: str = "seedwitness"
