"""Reads what the stages wrote for one target, and records the hash of every file that it reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pandas as pd

from seedwitness.config.stage_settings import CODE
from seedwitness.errors import RecordError
from seedwitness.records.attempts import (
    ATTEMPTS,
    OUTCOMES,
    PLANS,
    AttemptLog,
    Outcome,
    list_log_files,
    name_folder,
    read_log,
    read_outcomes,
)
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.copy_map import CopyMap
from seedwitness.records.corpus import CorpusRecord, LookupQuery
from seedwitness.records.document import Document, read_document
from seedwitness.records.exposure import (
    CONTROL_LOSSES,
    FEATURES,
    TARGET_LOSSES,
    ExposedFinding,
    ExposedFindings,
    OverlapReport,
)
from seedwitness.records.findings import CaseFindings
from seedwitness.records.prompt_recovery import PromptRecovery
from seedwitness.records.search import ReplaySummary, SearchSummary
from seedwitness.records.tables import (
    CODECS,
    CONTROL_DETECTIONS,
    CONTROL_REACH,
    CONTROL_SCORES,
    CONTROL_TRIALS,
    DETECTIONS,
    MATCHES,
    PROMPTS,
    REACH,
    SCORES,
    TRIALS,
    Columns,
    read_table,
)
from seedwitness.records.target import TargetRecord
from seedwitness.records.time_stamps import PlanStamp, read_stamps
from seedwitness.report.provenance import InputFile
from seedwitness.runtime.hashes import digest, sha256_file
from seedwitness.verdict.drawn_controls import cut_to_rank

D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class CaseSource:
    """What the stages wrote of one case.

    ``scores`` and ``reference_scores`` are ``records.SCORES``, ``codecs`` is ``records.CODECS`` and
    ``controls`` ``records.CONTROL_SCORES``. ``images`` are those that the stage ``score`` kept, and
    ``reference_images`` those of the same recipes on the reference, both by trial.
    """

    case: CaseFindings
    exposed: ExposedFinding | None
    """None where the question *exposed* is off."""
    identity: CheckpointIdentity
    search: SearchSummary
    replay: ReplaySummary
    prompts: pd.DataFrame
    trials: pd.DataFrame
    scores: pd.DataFrame
    reference_trials: pd.DataFrame
    """``records.TRIALS`` of the same recipes on the reference; empty if the case is it."""
    reference_scores: pd.DataFrame
    codecs: pd.DataFrame
    controls: pd.DataFrame
    learned: pd.DataFrame
    """``records.CONTROL_SCORES`` of images that the checkpoint is known to have learned."""
    control_trials: pd.DataFrame
    """``records.CONTROL_TRIALS`` of both."""
    control_images: dict[str, Path]
    """Images of the closest controls, by the start of their pixels' hash or by trial."""
    maps: CopyMap
    map_images: dict[str, Path]
    """By what they show: pixels, windows, ending."""
    images: dict[str, Path]
    reference_images: dict[str, Path]
    regenerated: Path | None
    """The image of the seed that was recovered."""
    reach: pd.DataFrame
    """``records.REACH``, and ``controls_reach`` ``records.CONTROL_REACH``; may be empty."""
    controls_reach: pd.DataFrame
    detected: pd.DataFrame
    """``records.DETECTIONS``, and ``controls_detected`` ``records.CONTROL_DETECTIONS``."""
    controls_detected: pd.DataFrame
    reach_images: dict[str, Path]
    """By the number of their rung."""


@dataclass(frozen=True)
class TargetSource:
    """What the stages wrote of one target: its image, prompts, matches, plans and cases."""

    target: TargetRecord
    image: Path
    plan: Path
    plans: list[Path]
    """Every analysis plan that was written in the project, in order; the report's own too."""
    stamps: list[PlanStamp]
    attempt: str
    """The hash of the entry in the log whose outcome the cases are."""
    log: AttemptLog
    """The entries on the same pixels: this attempt and others, and removals of targets."""
    outcomes: dict[str, Outcome]
    """The outcomes of the attempts on the same pixels, by attempt."""
    prompts: pd.DataFrame
    recovery: PromptRecovery
    matches: pd.DataFrame
    query: LookupQuery
    corpus: CorpusRecord
    match_images: dict[str, Path]
    code: dict[str, str]
    """By stage, SHA-256 of the list of source files that it runs; empty without such lists."""
    cases: list[CaseSource]
    inputs: list[InputFile]


class _Reader:
    """Reads below one folder, and records the hash of every file that it reads."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._read: dict[str, str] = {}

    def document(self, kind: type[D], *place: str) -> D:
        document = read_document(kind, self.data.joinpath(*place))
        self.note(*place)
        return document

    def table(self, columns: Columns, *place: str) -> pd.DataFrame:
        table = read_table(self.data.joinpath(*place), columns)
        self.note(*place)
        return table

    def images(self, *place: str) -> dict[str, Path]:
        """The PNG files of a folder by name without suffix; none where there is no folder."""
        paths = sorted(self.data.joinpath(*place).glob("*.png"))
        for path in paths:
            self.note(*place, path.name)
        return {path.stem: path for path in paths}

    def path(self, *place: str) -> Path:
        """A file that is read elsewhere."""
        self.note(*place)
        return self.data.joinpath(*place)

    def note(self, *place: str) -> None:
        path = self.data.joinpath(*place)
        self._read["/".join((self.data.name, *place))] = sha256_file(path)

    def inputs(self) -> list[InputFile]:
        return [InputFile(path=path, sha256=self._read[path]) for path in sorted(self._read)]


def read_target_source(data: Path, target: str) -> TargetSource:
    """All that the stages wrote of ``target`` below ``data``; its cases are the judged ones.

    Raises RecordError where a file is missing, of another version, or nothing was judged.
    """
    reader = _Reader(data)
    record = reader.document(TargetRecord, "prepare", target, "target.json")
    image = data / "prepare" / target / "image.png"
    if not image.is_file():
        raise RecordError(f"{image} is missing. `dvc repro` runs the stage that writes it.")
    reader.note("prepare", target, "image.png")
    plan = data / "plan" / "plan.json"
    if not plan.is_file():
        raise RecordError(f"{plan} is missing. `dvc repro` runs the stage that writes it.")
    reader.note("plan", "plan.json")
    history = [path.name for path in list_log_files(data / "plans")]
    judged = sorted(path.parent.name for path in (data / "judge" / target).glob("*/finding.json"))
    if not judged:
        raise RecordError(
            f"{data / 'judge' / target} holds no finding: there is nothing to report for {target}. "
            "`dvc repro` runs the stages up to the finding."
        )
    prompts = reader.table(PROMPTS, "recover", target, "prompts.parquet")
    cases = _read_cases(reader, target, judged, _read_exposed(reader, target, plan, judged))
    log, outcomes = _read_attempts(reader, record.pixels_sha256)
    return TargetSource(
        target=record,
        image=image,
        plan=plan,
        plans=[reader.path("plans", name) for name in history],
        stamps=_read_stamps(reader, sha256_file(plan)),
        attempt=reader.document(Outcome, "judge", target, "outcome.json").attempt,
        log=log,
        outcomes=outcomes,
        prompts=prompts,
        recovery=reader.document(PromptRecovery, "recover", target, "recover.json"),
        matches=reader.table(MATCHES, "lookup", target, "matches.parquet"),
        query=reader.document(LookupQuery, "lookup", target, "query.json"),
        corpus=reader.document(CorpusRecord, "index", "corpus.json"),
        match_images=reader.images("lookup", target, "images"),
        code=_hash_code_lists(data / "plan"),
        cases=cases,
        inputs=reader.inputs(),
    )


def _hash_code_lists(plan: Path) -> dict[str, str]:
    """The hash of each stage's list of source files, as the stage ``plan`` wrote it."""
    lists = {
        path.stem: json.loads(path.read_bytes()).get(CODE)
        for path in sorted(plan.glob("*.json"))
        if path.name != "plan.json"
    }
    return {stage: digest(files) for stage, files in lists.items() if files}


def _read_stamps(reader: _Reader, plan_sha256: str) -> list[PlanStamp]:
    stamps = read_stamps(reader.data / PLANS.name, plan_sha256)
    for stamp in stamps:
        reader.note(PLANS.name, stamp.file)
    return stamps


def _read_attempts(reader: _Reader, pixels_sha256: str) -> tuple[AttemptLog, dict[str, Outcome]]:
    image = name_folder(pixels_sha256)
    log = read_log(reader.data.parent, image)
    outcomes = read_outcomes(reader.data.parent / OUTCOMES / image)
    for folder in (ATTEMPTS.name, OUTCOMES.name):
        for path in list_log_files(reader.data / folder / image):
            reader.note(folder, image, path.name)
    return log, {outcome.attempt: outcome for outcome in outcomes}


def _read_exposed(
    reader: _Reader, target: str, plan: Path, judged: Sequence[str]
) -> dict[str, ExposedFinding]:
    """By checkpoint the findings for *exposed*, and notes of the files that they rest on.

    None where the plan leaves the question off: a folder of an earlier plan is not read.
    """
    if not json.loads(plan.read_bytes()).get("expose", {}).get("enabled"):
        return {}
    reader.table(TARGET_LOSSES, "expose", target, "losses.parquet")
    reader.table(FEATURES, "expose", target, "features.parquet")
    reader.document(OverlapReport, "expose", target, "overlaps.json")
    for name in judged:
        reader.table(CONTROL_LOSSES, "losses", name, "losses.parquet")
    findings = reader.document(ExposedFindings, "expose", target, "exposed.json")
    return {case.checkpoint: case for case in findings.cases}


def _read_cases(
    reader: _Reader, target: str, judged: Sequence[str], exposed: Mapping[str, ExposedFinding]
) -> list[CaseSource]:
    cases = [
        CaseSource(
            case=reader.document(CaseFindings, "judge", target, name, "finding.json"),
            exposed=exposed.get(name),
            identity=reader.document(CheckpointIdentity, "identify", name, "checkpoint.json"),
            search=reader.document(SearchSummary, "search", target, name, "search.json"),
            replay=reader.document(ReplaySummary, "replay", target, name, "replay.json"),
            prompts=reader.table(PROMPTS, "search", target, name, "prompts.parquet"),
            trials=reader.table(TRIALS, "search", target, name, "trials.parquet"),
            scores=reader.table(SCORES, "score", target, name, "scores.parquet"),
            reference_trials=reader.table(TRIALS, "replay", target, name, "trials.parquet"),
            reference_scores=reader.table(SCORES, "score", target, name, "reference.parquet"),
            codecs=reader.table(CODECS, "score", target, name, "codecs.parquet"),
            controls=reader.table(CONTROL_SCORES, "controls", name, "controls.parquet"),
            learned=reader.table(CONTROL_SCORES, "controls", name, "learned.parquet"),
            control_trials=reader.table(CONTROL_TRIALS, "controls", name, "trials.parquet"),
            control_images=reader.images("controls", name, "images"),
            maps=reader.document(CopyMap, "score", target, name, "maps", "maps.json"),
            map_images=reader.images("score", target, name, "maps"),
            images=reader.images("score", target, name, "images"),
            reference_images=reader.images("score", target, name, "reference"),
            regenerated=reader.images("scan", target, name).get("regenerated"),
            reach=reader.table(REACH, "reach", target, name, "reach.parquet"),
            controls_reach=reader.table(CONTROL_REACH, "controls", name, "reach.parquet"),
            detected=reader.table(DETECTIONS, "reach", target, name, "detectors.parquet"),
            controls_detected=reader.table(
                CONTROL_DETECTIONS, "controls", name, "detectors.parquet"
            ),
            reach_images=reader.images("reach", target, name, "images"),
        )
        for name in judged
    ]
    # Other targets may have drawn more controls than this one is compared with.
    cases = [
        replace(each, controls=cut_to_rank(each.controls, each.case.memorised.rank))
        for each in cases
    ]
    # The checkpoints under examination come first, the reference last.
    return sorted(cases, key=lambda source: source.case.checkpoint == source.replay.reference)
