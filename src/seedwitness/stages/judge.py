"""Judge all cases of one target: from scores and controls to findings, ``data/judge/TARGET/``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedwitness.config.stage_settings import JudgeStage, load_stage_settings
from seedwitness.errors import RecordError
from seedwitness.records.attempts import Outcome, append_outcome, name_folder, read_log
from seedwitness.records.document import read_document
from seedwitness.records.search import SearchSummary
from seedwitness.records.seed_scan import SeedScan
from seedwitness.records.tables import CODECS, CONTROL_SCORES, PROMPTS, SCORES, TRIALS, read_table
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.files import replace_whole
from seedwitness.runtime.workspace import list_roots
from seedwitness.stages import output_path
from seedwitness.stages._identity import load_identity
from seedwitness.stages._question import make_question

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seedwitness.records.findings import CaseFindings
    from seedwitness.verdict.case_data import CaseData


def run(target: str) -> None:
    """Write ``CHECKPOINT/finding.json`` for every checkpoint, and the outcome of the attempt."""
    from seedwitness.verdict.judgement import judge_cases

    settings = load_stage_settings("judge", JudgeStage)
    cases = [_load_case(target, name, settings) for name in settings.checkpoints]
    findings = judge_cases(cases, settings.judge)
    outcome = _describe_outcome(target, findings, cases)
    with replace_whole(output_path("judge", target)) as part:
        for finding in findings:
            (part / finding.checkpoint).mkdir(parents=True)
            finding.write(part / finding.checkpoint / "finding.json")
        outcome.write(part / "outcome.json")
    append_outcome(outcome, name_folder(cases[0].target.pixels_sha256), list_roots())


def _describe_outcome(
    target: str, findings: Sequence[CaseFindings], cases: Sequence[CaseData]
) -> Outcome:
    from seedwitness.verdict.work_counts import count_case_work

    attempt = read_log().find(make_question(target))
    if attempt is None:
        raise RecordError(
            f"The log of attempts has no entry for this plan and {target}. `dvc repro` runs the "
            "stage `attempt`, which writes it."
        )
    return Outcome(
        attempt=attempt,
        memorised={finding.checkpoint: finding.memorised.finding for finding in findings},
        generated={finding.checkpoint: finding.generated.finding for finding in findings},
        work=[row for case in cases for row in count_case_work(case)],
    )


def _load_case(target: str, checkpoint: str, settings: JudgeStage) -> CaseData:
    """All that is known of one case."""
    from seedwitness.verdict.case_data import CaseData
    from seedwitness.verdict.exclusions import find_low_information

    reference = settings.judge.reference
    record = read_document(TargetRecord, output_path("prepare", target) / "target.json")
    scores, search = _case(target, checkpoint, "score"), _case(target, checkpoint, "search")
    controls = output_path("controls", checkpoint)
    return CaseData(
        target=record,
        checkpoint=load_identity(checkpoint),
        low_information=find_low_information(record.information, settings.prepare),
        scores=read_table(scores / "scores.parquet", SCORES),
        reference_scores=read_table(scores / "reference.parquet", SCORES),
        controls=read_table(controls / "controls.parquet", CONTROL_SCORES),
        learned=read_table(controls / "learned.parquet", CONTROL_SCORES),
        reference=None if checkpoint == reference else load_identity(reference),
        search=read_document(SearchSummary, search / "search.json"),
        prompts=read_table(search / "prompts.parquet", PROMPTS),
        trials=read_table(search / "trials.parquet", TRIALS),
        coded_files=read_table(scores / "codecs.parquet", CODECS),
        scan=read_document(SeedScan, _case(target, checkpoint, "scan") / "scan.json"),
    )


def _case(target: str, checkpoint: str, stage: str) -> Path:
    return output_path(stage, target, checkpoint)
