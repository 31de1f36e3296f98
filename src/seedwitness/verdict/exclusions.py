"""Why nothing can be concluded of a case, whatever its figures."""

from __future__ import annotations

from collections.abc import Sequence

from seedwitness.records.findings import CopyCriterion, Rank
from seedwitness.records.target import InformationContent
from seedwitness.verdict.case_data import CaseData, pictures, same, tables

RESAVED = "by its pixels, or by PDQ and colour"

ROUNDING = 1e-3
"""By so much a score may leave its metric's range: float32, and embeddings scaled to one."""


def exclusion_reasons(case: CaseData, ranked: Rank, criteria: Sequence[CopyCriterion]) -> list[str]:
    """Why nothing can be concluded of a case, whatever the figures; mostly empty."""
    said = [f"The target is too flat to be recognised by: {why}." for why in case.flat]
    said = said or _blank(case.target.information, criteria)
    if ranked.left_out:
        said.append(
            f"The target itself is among the controls, as {ranked.left_out[0]}, {RESAVED}: a "
            "picture that is given as one that the checkpoint never saw cannot be asked "
            "about. Take it out of the controls if that is what is to be found out."
        )
    if case.reference and case.reference.sha256 == case.checkpoint.sha256:
        said.append(
            f"The reference checkpoint {case.reference.name} has the same weights as "
            f"{case.checkpoint.name}: there is nothing to compare. Name another as judge.reference."
        )
    said += [
        f"The noise of seed {each.seed} by {each.rng} is in the target: this checkpoint or a kin "
        "of it made it, and what a checkpoint made comes near again without having been learned."
        for each in case.scan.seeds
        if each.recovered
    ][:1]
    said += outside(case)
    said += _twice(case)
    seen = case.controls.loc[case.controls["corpus_match"] != "", ["control", "corpus_match"]]
    if len(seen):
        control, match = seen.iloc[0]
        said.append(
            f"{seen['control'].nunique()} of the controls are in the corpus, {control} as {match}: "
            "what the checkpoint may have been trained on is no control. Take them out."
        )
    return said


def _blank(about: InformationContent, criteria: Sequence[CopyCriterion]) -> list[str]:
    """Whether a sheet of one colour would be a copy of the target, as far as that is measured."""
    if {each.metric for each in criteria} != {"patch-l2"}:
        return []
    least = min(each.threshold for each in criteria)
    if about.patch_contrast > least:
        return []
    return [
        f"A sheet of one colour comes within {about.patch_contrast:.3f} of the target by patch-l2, "
        f"and would be a copy, which takes {least:g}: for so pale a picture name a stricter "
        "threshold or another criterion in judge.copy_criteria."
    ]


def _twice(case: CaseData) -> list[str]:
    """Which pictures are given more than once: each counts as one that was looked at by itself."""
    controls, learned = pictures(case.controls), pictures(case.known)
    groups = {"controls": controls, "pictures known to be learned": learned}
    twice = {
        name: next(
            ((one, other) for one in own for other in same(one, own) if other is not one), None
        )
        for name, own in groups.items()
    }
    said = [
        f"{pair[0].name} and {pair[1].name} of the {name} are the same picture, {RESAVED}, and "
        "count as two. Leave one of them out."
        for name, pair in twice.items()
        if pair
    ]
    both = [each.name for each in learned if same(each, controls)]
    if both:
        said.append(
            f"{both[0]} is among the controls and among the pictures known to be learned, "
            f"{RESAVED}: it cannot be both."
        )
    return said


def outside(case: CaseData) -> list[str]:
    """Which metrics gave what they cannot give, for the case or its controls; mostly none."""
    said = []
    for what, table in tables(case).items():
        off = table[
            (table["score"] < table["lowest"] - ROUNDING)
            | (table["score"] > table["highest"] + ROUNDING)
        ]
        for metric, rows in off.groupby("metric"):
            worst = rows.iloc[0]
            said.append(
                f"{len(rows)} {what} have a score by {metric} outside its range, such as "
                f"{worst['score']:g}, which lies not in {worst['lowest']:g} to "
                f"{worst['highest']:g}: its weights or its code are not what they should be."
            )
    return said
