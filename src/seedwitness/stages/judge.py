"""Judge all cases of one target: from scores and controls to findings, ``data/judge/TARGET/``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedwitness.config.stage_settings import JudgeStage, load_stage_settings
from seedwitness.errors import RecordError
from seedwitness.records.attempts import Outcome, append_outcome, name_folder, read_log
from seedwitness.runtime.files import replace_whole
from seedwitness.runtime.workspace import list_roots
from seedwitness.stages import DATA, output_path
from seedwitness.stages._question import make_question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedwitness.records.findings import CaseFindings
    from seedwitness.verdict.case_data import CaseData


def run(target: str) -> None:
    """Write ``CHECKPOINT/finding.json`` for every checkpoint, and the outcome of the attempt."""
    from seedwitness.verdict.case_files import read_case
    from seedwitness.verdict.judgement import judge_cases

    settings = load_stage_settings("judge", JudgeStage)
    cases = [read_case(DATA, target, name, settings) for name in settings.checkpoints]
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
