"""The denominators: every prompt, seed and output ever made for a target, in every attempt."""

from __future__ import annotations

from seedwitness.records.work import AttemptWork, WorkCount, WorkEvidence
from seedwitness.report.sources import CaseSource, TargetSource
from seedwitness.verdict.work_counts import list_work


def count_work(source: TargetSource) -> WorkEvidence:
    """What this attempt and all others on the same pixels made; this one is counted from tables."""
    attempts = []
    for key, entry in source.log.entries.items():
        if entry.question is None:
            continue
        outcome, is_own = source.outcomes.get(key), key == source.attempt
        attempts.append(
            AttemptWork(
                entry=key,
                time=entry.time,
                is_own=is_own,
                is_finished=outcome is not None,
                counts=[row for case in source.cases for row in count_case(case)]
                if is_own
                else (outcome.work if outcome else []),
            )
        )
    rows = [row for attempt in attempts for row in attempt.counts]
    return WorkEvidence(
        attempts=attempts,
        not_finished=sum(not attempt.is_finished for attempt in attempts),
        not_recorded=sum(not attempt.counts for attempt in attempts),
        outputs=sum(row.outputs for row in rows),
        nfe_spent=sum(row.nfe_spent or 0 for row in rows),
        nfe_accounted=sum(row.nfe_accounted or 0 for row in rows),
    )


def count_case(source: CaseSource) -> list[WorkCount]:
    """What search, replay and scan made for a case, from their own tables."""
    return list_work(
        source.search,
        source.trials,
        source.reference_trials,
        source.replay.nfe,
        source.case.generated.scan,
    )
