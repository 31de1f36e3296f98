"""Finds the same case on every side: by the names of target and checkpoint, or by the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seedwitness.compare.documents import (
    QUESTIONS,
    Absence,
    CaseFigures,
    ComparedCase,
    QuestionAnswer,
    Renaming,
)
from seedwitness.compare.sides import Side
from seedwitness.report.evidence import CaseEvidence, Evidence
from seedwitness.report.finding_evidence import GeneratedEvidence, MemorisedEvidence


@dataclass(frozen=True)
class MatchedTarget:
    """A target on every side, by its name there; None where a side does not have it."""

    name: str
    names: list[str | None]


@dataclass(frozen=True)
class CaseEntry:
    """A case as one side has it; ``target`` is its name there."""

    side: Side
    target: str
    evidence: Evidence
    case: CaseEvidence

    def path(self, stage: str, file: str = "") -> str:
        """Where ``stage`` has written of this case."""
        folder = f"data/{stage}/{self.target}/{self.case.checkpoint}"
        return f"{folder}/{file}" if file else folder


@dataclass(frozen=True)
class MatchedCase:
    """A case on every side; ``checkpoint`` is None where the sides are the checkpoints."""

    target: str
    checkpoint: str | None
    entries: list[CaseEntry | None]


def match_targets(sides: Sequence[Side]) -> list[MatchedTarget]:
    """The targets of all sides, in the order of their names.

    Targets are the same if their names are, or if their pixels are and neither name is on the other
    side.
    """
    names = sorted({target for side in sides for target in side.evidence})
    rows = {name: [name if name in side.evidence else None for side in sides] for name in names}
    first_of: dict[str, str] = {}  # the first row of these pixels that some side lacks
    for name in names:
        pixels = _list_pixels(rows[name], sides)
        if all(rows[name]) or len(pixels) > 1:
            continue
        first = first_of.setdefault(pixels.pop(), name)
        pairs = list(zip(rows[first], rows[name], strict=True))
        if first != name and not any(one and other for one, other in pairs):
            rows[first] = [one or other for one, other in pairs]
            del rows[name]
    return [MatchedTarget(name, row) for name, row in rows.items()]


def match_cases(sides: Sequence[Side], targets: Sequence[MatchedTarget]) -> list[MatchedCase]:
    """The cases of all sides, by target and then by checkpoint."""
    cases = []
    for target in targets:
        by_side = [
            side.cases(name) if name else {} for side, name in zip(sides, target.names, strict=True)
        ]
        known = dict.fromkeys(name for found in by_side for name in found)
        limited = sides[0].checkpoint is not None
        for checkpoint in [None] if limited else known:
            entries = [
                _make_entry(side, name, found, checkpoint)
                for side, name, found in zip(sides, target.names, by_side, strict=True)
            ]
            cases.append(MatchedCase(target.name, checkpoint, entries))
    return cases


def describe_case(case: MatchedCase) -> ComparedCase:
    """A case with the figures of its reports."""
    figures = [_describe_entry(entry) if entry else None for entry in case.entries]
    present = [each for each in figures if each]
    return ComparedCase(
        target=case.target,
        checkpoint=case.checkpoint,
        figures=figures,
        differing=[
            question
            for question in QUESTIONS
            if len({each.answer(question).finding for each in present}) > 1
        ],
    )


def list_absences(sides: Sequence[Side], targets: Sequence[MatchedTarget]) -> list[Absence]:
    """The targets, and the checkpoints, that some sides have and others have not.

    Where the sides are checkpoints, a target is present where it has a case of the checkpoint.
    """
    absences = []
    for target in targets:
        has = [
            bool(name and side.cases(name)) for side, name in zip(sides, target.names, strict=True)
        ]
        absences.append(("target", target.name, has))
    if sides[0].checkpoint is None:
        known = [
            {name for target in side.evidence for name in side.cases(target)} for side in sides
        ]
        for checkpoint in sorted(set().union(*known)):
            absences.append(("checkpoint", checkpoint, [checkpoint in each for each in known]))
    return [
        Absence(
            what="target" if what == "target" else "checkpoint",
            name=name,
            present=[side.name for side, is_here in zip(sides, has, strict=True) if is_here],
            absent=[side.name for side, is_here in zip(sides, has, strict=True) if not is_here],
        )
        for what, name, has in absences
        if not all(has)
    ]


def list_renamings(targets: Sequence[MatchedTarget]) -> list[Renaming]:
    """The targets that have different names on different sides."""
    return [
        Renaming(target=target.name, names=target.names)
        for target in targets
        if len({name for name in target.names if name}) > 1
    ]


def _list_pixels(row: Sequence[str | None], sides: Sequence[Side]) -> set[str]:
    """The hashes of a target's pixels on the sides that have it."""
    return {
        side.evidence[name].target.pixels_sha256
        for side, name in zip(sides, row, strict=True)
        if name
    }


def _make_entry(
    side: Side, target: str | None, cases: dict[str, CaseEvidence], checkpoint: str | None
) -> CaseEntry | None:
    case = cases.get(checkpoint or side.checkpoint or "")
    return CaseEntry(side, target, side.evidence[target], case) if target and case else None


def _describe_entry(entry: CaseEntry) -> CaseFigures:
    case = entry.case
    memorised, statistic = case.memorised, case.memorised.statistic
    return CaseFigures(
        memorised=_answer(memorised),
        generated=_answer(case.generated),
        metric=statistic.metric,
        label=statistic.label,
        higher_is_closer=statistic.higher_is_closer,
        closest=statistic.value,
        trials=case.search.trials,
        controls=memorised.rank.controls,
        p=memorised.rank.p,
        p_family=memorised.rank.p_family,
        copies=memorised.copies.rate,
        reference_copies=memorised.copies.reference_rate,
        controls_copied=case.controls_copied,
    )


def _answer(evidence: MemorisedEvidence | GeneratedEvidence) -> QuestionAnswer:
    return QuestionAnswer(finding=evidence.finding, reason=evidence.reasons[0])
