"""What each stage reads of the analysis plan: one typed object a stage.

The stage ``plan`` writes ``data/plan/STAGE.json`` from the fields of these classes, and the stage
reads its settings from there and from nowhere else. So DVC reruns a stage for exactly those
settings, and the list of what a stage reads cannot differ from what it reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, NonNegativeInt, PositiveInt

from seedwitness.config.inputs import ClipSettings, CorpusSettings, EntryName, Section
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
    ControlSettings,
    CopyCriterionSettings,
    DetectorSettings,
    JudgeSettings,
    ReportSettings,
    ScoreSettings,
)
from seedwitness.errors import ConfigError

S = TypeVar("S", bound="StageSettings")

PLAN_FOLDER = Path("data/plan")
SETTINGS, CODE = "settings", "code"


class StageSettings(Section):
    """The settings of a stage: a field is a section of the plan, or the entry that it names."""

    @classmethod
    def entries(cls) -> dict[str, str]:
        """By field, the entry of the plan that it is read from: ``search``, ``score.batch`` …"""
        return {
            name: str((field.json_schema_extra or {}).get("entry", name))  # type: ignore[union-attr]
            for name, field in cls.model_fields.items()
        }

    @classmethod
    def select(cls, plan: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the fields as they stand in a whole plan."""
        values = {}
        for name, entry in cls.entries().items():
            value: Any = plan
            for key in entry.split("."):
                value = value[key]
            values[name] = value
        return values


def entry(path: str) -> Any:
    """A field that is read from another entry of the plan than the section of its own name."""
    return Field(json_schema_extra={"entry": path})


class IndexStage(StageSettings):
    """Of ``index``."""

    corpus: CorpusSettings
    clip: ClipSettings
    clip_sha256: str = entry("materials.clip")


class PrepareStage(StageSettings):
    """Of ``prepare``, which measures and judges nothing: it reads no setting."""


class RecoverStage(StageSettings):
    """Of ``recover``."""

    clip: ClipSettings
    clip_sha256: str = entry("materials.clip")
    recover: RecoverSettings
    phrases_sha256: str = entry("materials.phrases")


class LookupStage(StageSettings):
    """Of ``lookup``."""

    clip: ClipSettings
    clip_sha256: str = entry("materials.clip")
    corpus: CorpusSettings
    lookup: LookupSettings


class SearchStage(StageSettings):
    """Of ``search``; a search that may end early needs the metrics of the copy criteria."""

    search: SearchSettings
    copy_criteria: list[CopyCriterionSettings] = entry("judge.copy_criteria")
    metric_weights: dict[str, Path] = entry("score.weights")
    metric_weights_sha256: dict[str, str] = entry("materials.weights")
    metric_batch: PositiveInt = entry("score.batch")
    mirrored: bool = entry("score.mirrored")
    shift: NonNegativeInt = entry("score.shift")


class ReachStage(StageSettings):
    """Of ``reach``."""

    reach: ReachSettings
    detectors: DetectorSettings
    search: SearchSettings
    score: ScoreSettings
    metric_weights_sha256: dict[str, str] = entry("materials.weights")


class ScanStage(StageSettings):
    """Of ``scan``."""

    scan: ScanSettings
    search: SearchSettings


class ReplayStage(StageSettings):
    """Of ``replay``."""

    search: SearchSettings
    reference: EntryName = entry("judge.reference")


class ScoreStage(StageSettings):
    """Of ``score``."""

    score: ScoreSettings
    metric_weights_sha256: dict[str, str] = entry("materials.weights")
    resize: str = entry("search.resize")
    ranked_by: str = entry("judge.metric")
    reference: EntryName = entry("judge.reference")


class ControlsStage(StageSettings):
    """Of ``controls``, which does what recover, lookup, search, score and reach do."""

    controls: ControlSettings
    controls_sha256: dict[str, Any] = entry("materials.controls")
    clip: ClipSettings
    clip_sha256: str = entry("materials.clip")
    corpus: CorpusSettings
    recover: RecoverSettings
    phrases_sha256: str = entry("materials.phrases")
    lookup: LookupSettings
    search: SearchSettings
    copy_criteria: list[CopyCriterionSettings] = entry("judge.copy_criteria")
    score: ScoreSettings
    metric_weights_sha256: dict[str, str] = entry("materials.weights")
    reach: ReachSettings
    detectors: DetectorSettings


class JudgeStage(StageSettings):
    """Of ``judge``."""

    judge: JudgeSettings
    prepare: PrepareSettings
    checkpoints: list[EntryName]


class ReportStage(StageSettings):
    """Of ``report`` and ``overview``."""

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
    "recover": RecoverStage,
    "lookup": LookupStage,
    "search": SearchStage,
    "reach": ReachStage,
    "scan": ScanStage,
    "replay": ReplayStage,
    "score": ScoreStage,
    "controls": ControlsStage,
    "judge": JudgeStage,
    "report": ReportStage,
    "overview": ReportStage,
}
"""By stage; a stage that is not here reads no setting of the plan."""


def load_stage_settings(stage: str, kind: type[S]) -> S:
    """The settings of a stage as the stage ``plan`` wrote them.

    Raises ConfigError where the plan is missing or of another version.
    """
    path = PLAN_FOLDER / f"{stage}.json"
    if not path.is_file():
        raise ConfigError(f"There is no {path} in {Path.cwd()}: `dvc repro plan` writes it.")
    document = json.loads(path.read_text(encoding="utf-8"))
    return validate(kind, document[SETTINGS], f"{path}: {SETTINGS}")
