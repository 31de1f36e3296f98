"""The attempt of a report, the others on the same image, and what was tried in the project."""

from __future__ import annotations

from collections.abc import Mapping

from seedwitness.errors import RecordError
from seedwitness.records.attempts import RESTORE, AttemptLog, LogCounts
from seedwitness.report.provenance import AttemptEvidence, OtherAttempt
from seedwitness.report.sources import TargetSource


def describe_attempt(source: TargetSource) -> AttemptEvidence:
    """The entry of the attempt, its counts, and every p as if all attempts had been equal.

    Raises RecordError if the log has no such entry.
    """
    entries = source.log.entries
    if source.attempt not in entries:
        raise RecordError(
            f"The log of attempts lacks the entry {source.attempt} of {source.target.name}. "
            f"{RESTORE}"
        )
    own, newest = entries[source.attempt], list(entries.values())[-1]
    counts = _count(source.log, source.log.images[source.attempt])
    p_values = {case.case.checkpoint: case.case.memorised.rank.p_family for case in source.cases}
    return AttemptEvidence(
        entry=source.attempt,
        time=own.time,
        revision=own.revision,
        is_modified=own.is_modified,
        counted=newest.time,
        counts=counts,
        p_counted=count_in(p_values, counts),
        others=_list_others(source),
    )


def count_in(p_values: Mapping[str, float], counts: LogCounts) -> dict[str, float]:
    """Bonferroni's p over all images and as many attempts on each: p · k · n, at most 1.

    n is the number of images, and k that of attempts on the image, or of plans if that is more.
    """
    factor = counts.images * max(counts.attempts_on_image, counts.plans)
    return {name: min(1.0, p * factor) for name, p in p_values.items()}


def _count(log: AttemptLog, image: str) -> LogCounts:
    """What the newest entry on an image counted; where branches were merged, the most of any entry.

    No entry counts what another branch entered, so that there is at least what the log shows.
    """
    seen = [*(entry.counts for entry in log.entries.values()), log.count(image)]
    return LogCounts(
        **{name: max(getattr(each, name) for each in seen) for name in LogCounts.model_fields}
    )


def _list_others(source: TargetSource) -> list[OtherAttempt]:
    others = []
    own = source.log.entries[source.attempt].question
    for key, entry in source.log.entries.items():
        if entry.question is None or entry.question == own:
            continue
        outcome = source.outcomes.get(key)
        others.append(
            OtherAttempt(
                entry=key,
                time=entry.time,
                target=entry.target,
                stated_prompts=entry.question.stated_prompts,
                checkpoints=entry.question.checkpoints,
                plan_sha256=entry.question.plan_sha256,
                memorised=outcome.memorised if outcome else {},
                generated=outcome.generated if outcome else {},
            )
        )
    return others
