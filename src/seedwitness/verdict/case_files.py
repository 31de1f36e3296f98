"""Reads the files that a finding rests on, below the ``data`` folder of a project or a bundle."""

from __future__ import annotations

from pathlib import Path

from seedwitness.config.stage_settings import JudgeStage
from seedwitness.config.verdicts import DRAW_UNTIL_DECIDED
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.document import read_document
from seedwitness.records.search import SearchSummary
from seedwitness.records.seed_scan import SeedScan
from seedwitness.records.tables import (
    CODECS,
    CONTROL_SCORES,
    CONTROL_TRIALS,
    PROMPTS,
    SCORES,
    TRIALS,
    read_table,
)
from seedwitness.records.target import TargetRecord
from seedwitness.targets.refusals import find_low_information
from seedwitness.verdict.case_data import CaseData
from seedwitness.verdict.drawn_controls import keep_drawn_controls


def read_case(data: Path, target: str, checkpoint: str, settings: JudgeStage) -> CaseData:
    """All that is known of one case. Raises RecordError if a file is missing or of another kind."""
    reference = settings.judge.reference
    record = read_document(TargetRecord, data / "prepare" / target / "target.json")
    scores, search, scan = (
        data / stage / target / checkpoint for stage in ("score", "search", "scan")
    )
    controls = data / "controls" / checkpoint
    case = CaseData(
        target=record,
        checkpoint=_read_identity(data, checkpoint),
        low_information=find_low_information(record.information, settings.prepare),
        scores=read_table(scores / "scores.parquet", SCORES),
        reference_scores=read_table(scores / "reference.parquet", SCORES),
        controls=read_table(controls / "controls.parquet", CONTROL_SCORES),
        control_trials=read_table(controls / "trials.parquet", CONTROL_TRIALS),
        reference_controls=read_table(
            data / "controls" / reference / "controls.parquet", CONTROL_SCORES
        ),
        learned=read_table(controls / "learned.parquet", CONTROL_SCORES),
        reference=None if checkpoint == reference else _read_identity(data, reference),
        search=read_document(SearchSummary, search / "search.json"),
        prompts=read_table(search / "prompts.parquet", PROMPTS),
        trials=read_table(search / "trials.parquet", TRIALS),
        coded_files=read_table(scores / "codecs.parquet", CODECS),
        scan=read_document(SeedScan, scan / "scan.json"),
        reference_trials=settings.reference_trials,
        refusal_margin=settings.prepare.margin,
        planned_controls=settings.controls if settings.draw_by == DRAW_UNTIL_DECIDED else None,
    )
    return keep_drawn_controls(case, settings.judge)


def _read_identity(data: Path, checkpoint: str) -> CheckpointIdentity:
    return read_document(CheckpointIdentity, data / "identify" / checkpoint / "checkpoint.json")
