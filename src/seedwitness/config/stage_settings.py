"""The settings that each stage reads from the analysis plan, as one typed object a stage.

The stage ``plan`` writes ``data/plan/STAGE.json`` from the fields of these classes, and the stage
reads its settings from that file only. So DVC reruns a stage for a change of exactly those
settings, and the list of settings cannot differ from those that the stage reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, NonNegativeInt, PositiveInt

from seedwitness.config.exposure import ExposeSettings
from seedwitness.config.inputs import (
    ClipSettings,
    CorpusSettings,
    EntryName,
    Section,
)
from seedwitness.config.names import MetricName
from seedwitness.config.reading import validate
from seedwitness.config.steps import (
    LookupSettings,
    PrepareSettings,
    ReachSettings,
    RecoverSettings,
    ScanSettings,
    SearchSettings,
)
from seedwitness.config.verdicts import (
    DRAW_UNTIL_DECIDED,
    ControlSettings,
    CopyCriterionSettings,
    DetectorSettings,
    DrawBy,
    JudgeSettings,
    ReportSettings,
    ScoreSettings,
)
from seedwitness.errors import ConfigError

S = TypeVar("S", bound="StageSettings")

PLAN_FOLDER = Path("data/plan")
SETTINGS, CODE = "settings", "code"


class StageSettings(Section):
    """The settings of a stage: each field is a section of the plan, or another entry of it."""

    @classmethod
    def entries(cls) -> dict[str, str]:
        """The entry of the plan for each field, such as ``search`` or ``score.batch``."""
        return {
            name: str((field.json_schema_extra or {}).get("entry", name))  # type: ignore[union-attr]
            for name, field in cls.model_fields.items()
        }

    @classmethod
    def select(cls, plan: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the fields in a complete plan."""
        values = {}
        for name, entry in cls.entries().items():
            value: Any = plan
            for key in entry.split("."):
                value = value[key]
            values[name] = value
        return values


def entry(path: str) -> Any:
    """Declare a field that is read from another entry of the plan than the one of its name."""
    return Field(json_schema_extra={"entry": path})


class IndexStage(StageSettings):
    """Settings of ``index``."""

    corpus: CorpusSettings
    clip: ClipSettings
    clip_sha256: str = entry("materials.clip")
    descriptor_sha256: str = entry("materials.descriptor")


class PrepareStage(StageSettings):
    """Settings of ``prepare``: none."""


class AttemptStage(StageSettings):
    """Settings of ``attempt``."""

    checkpoints: list[EntryName]


class RecoverStage(StageSettings):
    """Settings of ``recover``."""

    clip: ClipSettings
    clip_sha256: str = entry("materials.clip")
    recover: RecoverSettings
    phrases_sha256: str = entry("materials.phrases")


class LookupStage(StageSettings):
    """Settings of ``lookup``."""

    clip: ClipSettings
    clip_sha256: str = entry("materials.clip")
    corpus: CorpusSettings
    descriptor_sha256: str = entry("materials.descriptor")
    lookup: LookupSettings


class SearchStage(StageSettings):
    """Settings of ``search``; early stopping needs the metrics of the copy criteria."""

    search: SearchSettings
    copy_criteria: list[CopyCriterionSettings] = entry("judge.copy_criteria")
    metric_weights: dict[str, Path] = entry("score.weights")
    metric_weights_sha256: dict[str, str] = entry("materials.weights")
    metric_batch: PositiveInt = entry("score.batch")
    mirrored: bool = entry("score.mirrored")
    shift: NonNegativeInt = entry("score.shift")


class ReachStage(StageSettings):
    """Settings of ``reach``."""

    reach: ReachSettings
    detectors: DetectorSettings
    search: SearchSettings
    score: ScoreSettings
    metric_weights_sha256: dict[str, str] = entry("materials.weights")
    wild_sha256: str = entry("materials.wild")


class ScanStage(StageSettings):
    """Settings of ``scan``."""

    scan: ScanSettings
    search: SearchSettings


class ReplayStage(StageSettings):
    """Settings of ``replay``."""

    search: SearchSettings
    reference: EntryName = entry("judge.reference")


class ScoreStage(StageSettings):
    """Settings of ``score``."""

    score: ScoreSettings
    metric_weights_sha256: dict[str, str] = entry("materials.weights")
    resize: str = entry("search.resize")
    ranked_by: str = entry("judge.metric")
    reference: EntryName = entry("judge.reference")


class ControlsStage(StageSettings):
    """Settings of ``controls``, which repeats recover, lookup, search, score and reach."""

    prepare: PrepareSettings
    controls: ControlSettings
    controls_sha256: dict[str, Any] = entry("materials.controls")
    clip: ClipSettings
    clip_sha256: str = entry("materials.clip")
    corpus: CorpusSettings
    descriptor_sha256: str = entry("materials.descriptor")
    recover: RecoverSettings
    phrases_sha256: str = entry("materials.phrases")
    lookup: LookupSettings
    search: SearchSettings
    copy_criteria: list[CopyCriterionSettings] = entry("judge.copy_criteria")
    score: ScoreSettings
    metric_weights_sha256: dict[str, str] = entry("materials.weights")
    reach: ReachSettings
    detectors: DetectorSettings
    wild_sha256: str = entry("materials.wild")
    reference: EntryName | None = entry("judge.reference")
    ranked_by: MetricName | None = entry("judge.metric")
    alpha: float | None = entry("judge.alpha")

    @classmethod
    def select(cls, plan: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the fields: what the judge does is None where no draw depends on it."""
        values, controls = super().select(plan), plan["controls"]
        stops = controls["draw_by"] == DRAW_UNTIL_DECIDED
        if not stops:
            values |= {"ranked_by": None, "alpha": None}
        if not (stops or controls["reference_trials"]):
            values["reference"] = None
        return values


class LossesStage(StageSettings):
    """Settings of ``losses``."""

    expose: ExposeSettings
    controls: ControlSettings
    controls_sha256: dict[str, Any] = entry("materials.controls")
    metric_weights: dict[str, Path] = entry("score.weights")
    metric_weights_sha256: dict[str, str] = entry("materials.weights")
    resize: str = entry("search.resize")
    prepare: PrepareSettings
    copy_criteria: list[CopyCriterionSettings] = entry("judge.copy_criteria")


class ExposeStage(StageSettings):
    """Settings of ``expose``."""

    expose: ExposeSettings
    controls: ControlSettings
    controls_sha256: dict[str, Any] = entry("materials.controls")
    metric_weights: dict[str, Path] = entry("score.weights")
    metric_weights_sha256: dict[str, str] = entry("materials.weights")
    resize: str = entry("search.resize")
    prepare: PrepareSettings
    judge: JudgeSettings
    checkpoints: list[EntryName]


class JudgeStage(StageSettings):
    """Settings of ``judge``."""

    judge: JudgeSettings
    prepare: PrepareSettings
    checkpoints: list[EntryName]
    controls: PositiveInt = entry("controls.count")
    draw_by: DrawBy = entry("controls.draw_by")
    reference_trials: PositiveInt | None = entry("controls.reference_trials")


class ReportStage(StageSettings):
    """Settings of ``report`` and ``overview``."""

    prepare: PrepareSettings
    recover: RecoverSettings
    lookup: LookupSettings
    search: SearchSettings
    scan: ScanSettings
    reach: ReachSettings
    detectors: DetectorSettings
    score: ScoreSettings
    controls: ControlSettings
    judge: JudgeSettings
    report: ReportSettings


STAGE_SETTINGS: dict[str, type[StageSettings]] = {
    "index": IndexStage,
    "attempt": AttemptStage,
    "recover": RecoverStage,
    "lookup": LookupStage,
    "search": SearchStage,
    "reach": ReachStage,
    "scan": ScanStage,
    "replay": ReplayStage,
    "score": ScoreStage,
    "controls": ControlsStage,
    "losses": LossesStage,
    "expose": ExposeStage,
    "judge": JudgeStage,
    "report": ReportStage,
    "overview": ReportStage,
}
"""By stage; a stage that is not in this table reads no settings."""


def load_stage_settings(stage: str, kind: type[S], root: Path = Path()) -> S:
    """Load the settings of a stage as the stage ``plan`` wrote them, in the project at ``root``.

    Raises ConfigError if the plan is missing or of another version.
    """
    path = root / PLAN_FOLDER / f"{stage}.json"
    return validate(kind, _read_plan(path)[SETTINGS], f"{path}: {SETTINGS}")


def _read_plan(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ConfigError(f"There is no {path} in {Path.cwd()}: `dvc repro plan` writes it.")
    return dict(json.loads(path.read_text(encoding="utf-8")))
