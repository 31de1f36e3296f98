"""The model of ``params.yaml``: all sections together."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from pathlib import Path

from pydantic import Field, model_validator

from seedwitness.config.exposure import ExposeSettings
from seedwitness.config.inputs import (
    CheckpointSettings,
    ClipSettings,
    CorpusSettings,
    EntryName,
    Section,
)
from seedwitness.config.reading import FILE_NAME, load_mapping, validate
from seedwitness.config.steps import (
    LookupSettings,
    PrepareSettings,
    ReachSettings,
    RecoverSettings,
    ScanSettings,
    SearchSettings,
)
from seedwitness.config.verdicts import (
    ControlSettings,
    DetectorSettings,
    JudgeSettings,
    ReportSettings,
    ScoreSettings,
    TrackingSettings,
)
from seedwitness.errors import ConfigError


class Params(Section):
    """``params.yaml``: every section, in the order of the stages."""

    checkpoints: dict[EntryName, CheckpointSettings] = Field(min_length=1)
    corpus: CorpusSettings
    clip: ClipSettings
    prepare: PrepareSettings
    recover: RecoverSettings
    lookup: LookupSettings
    search: SearchSettings
    scan: ScanSettings
    reach: ReachSettings
    detectors: DetectorSettings
    score: ScoreSettings
    controls: ControlSettings
    expose: ExposeSettings = Field(default_factory=ExposeSettings)
    judge: JudgeSettings
    report: ReportSettings
    tracking: TrackingSettings

    @model_validator(mode="after")
    def _check_references(self) -> Params:
        if self.judge.reference not in self.checkpoints:
            known = ", ".join(self.checkpoints)
            raise ValueError(
                f"judge.reference: no checkpoint is called {self.judge.reference!r}; known: {known}"
            )
        watches = {"clip": self.clip.watch, "controls": self.controls.watch}
        watches |= {"score": self.score.watch} if self.score.weights else {}
        watches |= {
            f"checkpoints.{name}": checkpoint.watch for name, checkpoint in self.checkpoints.items()
        }
        for name, watch in watches.items():
            if watch is None:
                raise ValueError(
                    f"{name}.watch: set it to the path that DVC watches for changes, mostly the "
                    "path itself"
                )
        if phrases := self.recover.phrases:
            folders = [path for path in (self.corpus.path, self.controls.watch) if path]
            if not any(phrases.is_relative_to(folder) for folder in folders):
                raise ValueError(
                    f"recover.phrases: DVC would not see {phrases} change; move it into "
                    f"{' or '.join(map(str, folders))}, which DVC watches"
                )
        watched = [self.score.watch, self.clip.watch, self.controls.watch, self.corpus.path]
        if self.corpus.descriptor:
            folders = [path.parent if path.suffix == ".lock" else path for path in watched if path]
            if not any(self.corpus.descriptor.is_relative_to(folder) for folder in folders):
                raise ValueError(
                    f"corpus.descriptor: DVC would not see {self.corpus.descriptor} change; move "
                    "it into the folder of `score.watch`"
                )
        learned = self.controls.learned.folders if self.controls.learned else {}
        if unknown := sorted(set(learned) - set(self.checkpoints)):
            raise ValueError(
                f"controls.learned.folders: no checkpoint is called {unknown[0]!r}; known: "
                f"{', '.join(self.checkpoints)}"
            )
        used = {self.judge.metric, *(copy.metric for copy in self.judge.copy_criteria)}
        unscored = sorted(used - set(self.score.metrics))
        if unscored:
            raise ValueError(f"judge uses {', '.join(unscored)}, which score.metrics does not name")
        if unweighted := sorted(used & set(self.score.metrics_without_weights)):
            raise ValueError(
                f"judge uses {', '.join(unweighted)}, for which score.weights names no file"
            )
        return self


def require_enough_controls(params: Params) -> None:
    """Raise ConfigError where no finding could be supported, whatever the scores."""
    examined = max(1, len(params.checkpoints) - 1)  # p is adjusted by Holm for their number
    # The rank among m controls gives no p below 1 / (m + 1).
    smallest = ceil(examined / Fraction(str(params.judge.alpha))) - 1
    needed = max(params.judge.min_controls, smallest)
    if params.controls.count < needed:
        raise ConfigError(
            f"controls.count: with {params.controls.count} controls no finding can be supported. "
            f"judge.alpha {params.judge.alpha:g} for {examined} examined "
            f"checkpoint{'' if examined == 1 else 's'}, and judge.min_controls "
            f"{params.judge.min_controls}, need {needed}: set controls.count={needed}."
        )


def load_params(path: Path = Path(FILE_NAME)) -> Params:
    """Load all sections. Raises ConfigError that names the invalid key and the known ones."""
    return validate(Params, load_mapping(path), str(path))
