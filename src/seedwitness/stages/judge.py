"""Judge all cases of one target: from scores and controls to findings, ``data/judge/TARGET/``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedwitness.config.stage_settings import JudgeStage, load_stage_settings
from seedwitness.records.attempts import Attempt
from seedwitness.records.document import read_document
from seedwitness.records.search import SearchSummary
from seedwitness.records.seed_scan import SeedScan
from seedwitness.records.tables import CODECS, CONTROL_SCORES, PROMPTS, SCORES, TRIALS, read_table
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.files import replace_whole
from seedwitness.runtime.hashes import sha256_file
from seedwitness.stages import output_path
from seedwitness.stages._identity import load_identity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seedwitness.records.findings import CaseFindings
    from seedwitness.verdict.case_data import CaseData


def run(target: str) -> None:
    """Write ``CHECKPOINT/finding.json`` for every checkpoint, and ``attempt.json``."""
    from seedwitness.verdict.judgement import judge_cases

    settings = load_stage_settings("judge", JudgeStage)
    cases = [_load_case(target, name, settings) for name in settings.checkpoints]
    findings = judge_cases(cases, settings.judge)
    attempt = _describe_attempt(target, cases[0].target, findings)
    with replace_whole(output_path("judge", target)) as part:
        for finding in findings:
            (part / finding.checkpoint).mkdir(parents=True)
            finding.write(part / finding.checkpoint / "finding.json")
        attempt.write(part / "attempt.json")


def _describe_attempt(
    target: str, record: TargetRecord, findings: Sequence[CaseFindings]
) -> Attempt:
    """This execution of the analysis plan on the target: what was asked, and the answers."""
    recovered = read_table(output_path("recover", target) / "prompts.parquet", PROMPTS)
    return Attempt(
        pixels_sha256=record.pixels_sha256,
        stated_prompts=recovered.loc[recovered["source"] == "user", "text"].tolist(),
        checkpoints={finding.checkpoint: finding.checkpoint_sha256 for finding in findings},
        plan_sha256=sha256_file(output_path("plan") / "plan.json"),
        memorised={finding.checkpoint: finding.memorised.finding for finding in findings},
        generated={finding.checkpoint: finding.generated.finding for finding in findings},
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
