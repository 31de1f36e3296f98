"""Why nothing can be concluded of a case, whatever its figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seedwitness.records.findings import CopyCriterion, Rank
from seedwitness.records.reasons import Reason, ReasonValues
from seedwitness.targets.refusals import find_blank_copy
from seedwitness.verdict.case_data import CaseData, score_tables
from seedwitness.verdict.image_identity import ImageIdentity, find_same_image, identify_controls

ROUNDING = 1e-3
"""How far a score may leave its metric's range: float32, and embeddings scaled to one."""


def exclusion_reasons(
    case: CaseData, rank: Rank, criteria: Sequence[CopyCriterion]
) -> list[Reason]:
    """Why nothing can be concluded of a case, whatever the figures; mostly empty."""
    thresholds = [(criterion.metric, criterion.threshold) for criterion in criteria]
    reasons = list(case.low_information) or find_blank_copy(
        case.target.information, thresholds, case.refusal_margin
    )
    if rank.left_out:
        reasons.append(Reason(code="target-among-controls", values={"control": rank.left_out[0]}))
    if case.reference and case.reference.sha256 == case.checkpoint.sha256:
        names: ReasonValues = {"reference": case.reference.name, "checkpoint": case.checkpoint.name}
        reasons.append(Reason(code="reference-same-weights", values=names))
    recovered = next((seed for seed in case.scan.seeds if seed.recovered), None)
    if recovered:
        values: ReasonValues = {"seed": recovered.seed, "rng": recovered.rng}
        reasons.append(Reason(code="target-generated", values=values))
    return [
        *reasons,
        *find_scores_out_of_range(case),
        *_find_duplicates(case),
        *_find_controls_in_corpus(case),
    ]


def find_scores_out_of_range(case: CaseData) -> list[Reason]:
    """Metrics that gave scores outside their range, for the case or its controls; mostly none."""
    reasons = []
    for name, table in score_tables(case).items():
        outside = table[
            (table["score"] < table["lowest"] - ROUNDING)
            | (table["score"] > table["highest"] + ROUNDING)
        ]
        for metric, rows in outside.groupby("metric"):
            example = rows.iloc[0]
            reasons.append(
                Reason(
                    code="score-out-of-range",
                    values={
                        "table": name,
                        "scores": len(rows),
                        "metric": str(metric),
                        "score": float(example["score"]),
                        "lowest": _finite(example["lowest"]),
                        "highest": _finite(example["highest"]),
                    },
                )
            )
    return reasons


def _finite(bound: float) -> float | None:
    """A bound of a metric's range; None where there is none."""
    return float(bound) if np.isfinite(bound) else None


def _find_duplicates(case: CaseData) -> list[Reason]:
    """Images that are given more than once: each would count as one examined by itself."""
    controls, learned = identify_controls(case.controls), identify_controls(case.learned)
    reasons = []
    for group, images in (("controls", controls), ("learned images", learned)):
        pair = _find_pair(images)
        if pair:
            values: ReasonValues = {"group": group, "first": pair[0].name, "second": pair[1].name}
            reasons.append(Reason(code="duplicate-images", values=values))
    both = [image.name for image in learned if find_same_image(image, controls)]
    if both:
        reasons.append(Reason(code="control-also-learned", values={"image": both[0]}))
    return reasons


def _find_pair(images: Sequence[ImageIdentity]) -> tuple[ImageIdentity, ImageIdentity] | None:
    """The first two entries that are the same image; None where all differ."""
    return next(
        (
            (image, other)
            for image in images
            for other in find_same_image(image, images)
            if other is not image
        ),
        None,
    )


def _find_controls_in_corpus(case: CaseData) -> list[Reason]:
    """Whether the corpus, which a checkpoint may have been trained on, holds controls."""
    rows = case.controls.loc[case.controls["corpus_match"] != "", ["control", "corpus_match"]]
    if rows.empty:
        return []
    control, match = rows.iloc[0]
    values: ReasonValues = {
        "controls": rows["control"].nunique(),
        "control": control,
        "match": match,
    }
    return [Reason(code="controls-in-corpus", values=values)]
