"""The log of attempts on the invented targets, with the findings of the real judge as outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from invented import CHECKPOINTS, identity

from seedwitness.config.stage_settings import JudgeStage, load_stage_settings
from seedwitness.records.attempts import (
    LogEntry,
    Outcome,
    Question,
    append_entry,
    append_outcome,
    name_folder,
    read_log,
)
from seedwitness.records.document import read_document
from seedwitness.records.findings import CaseFindings
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.hashes import sha256_file
from seedwitness.verdict.case_files import read_case
from seedwitness.verdict.work_counts import count_case_work


def enter_attempt(
    data: Path, about: TargetRecord, minute: int, stated: Sequence[str] = (), plan: str = ""
) -> str:
    """Enter an attempt on a target, by the plan of the project or another one; gives its hash."""
    question = Question(
        pixels_sha256=about.pixels_sha256,
        stated_prompts=list(stated),
        checkpoints={name: identity(name).sha256 for name in CHECKPOINTS},
        plan_sha256=plan or sha256_file(data / "plan" / "plan.json"),
    )
    return _append(data, about, minute, question)


def enter_removal(data: Path, about: TargetRecord, minute: int) -> str:
    """Enter the removal of another target for the image of this one."""
    return _append(data, about, minute, None)


def write_outcome(
    data: Path, about: TargetRecord, attempt: str, *, is_counted: bool = True
) -> None:
    """Write what came of an attempt, by the findings that are there.

    With ``is_counted`` false as an older version wrote it, which did not count what was made.
    """
    findings = [
        read_document(CaseFindings, data / "judge" / about.name / name / "finding.json")
        for name in CHECKPOINTS
    ]
    settings = load_stage_settings("judge", JudgeStage, data.parent)
    cases = [read_case(data, about.name, name, settings) for name in CHECKPOINTS]
    outcome = Outcome(
        attempt=attempt,
        work=[row for case in cases for row in count_case_work(case)] if is_counted else [],
        memorised={each.checkpoint: each.memorised.finding for each in findings},
        generated={each.checkpoint: each.generated.finding for each in findings},
    )
    outcome.write(data / "judge" / about.name / "outcome.json")
    append_outcome(outcome, name_folder(about.pixels_sha256), [data.parent])


def _append(data: Path, about: TargetRecord, minute: int, question: Question | None) -> str:
    log, image = read_log(data.parent), name_folder(about.pixels_sha256)
    entry = LogEntry(
        kind="attempt" if question else "removal",
        parents=log.heads,
        time=f"2026-11-30T12:{minute:02}:00+00:00",
        revision="9f" * 20,
        is_modified=True,
        target=about.name if question else "removed",
        question=question,
        counts=log.count(image, question),
    )
    return append_entry(entry, image, [data.parent])
