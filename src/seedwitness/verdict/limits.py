"""What limits a finding for *memorised*."""

from __future__ import annotations

from seedwitness.records.findings import Rank
from seedwitness.records.reasons import Reason, ReasonValues
from seedwitness.statistics.description_length import count_text_bits
from seedwitness.verdict.case_data import CaseData

LAB_WEIGHTS = "lab weights"

MORE_SPECIFIC_SHARE = 0.95
"""A prompt counts as more specific from this share of controls with shorter captions."""


def list_limits(case: CaseData, rank: Rank) -> list[Reason]:
    """The limits of the finding for *memorised*, of whatever finding it is."""
    limits = [
        Reason(
            code="p-resolution",
            values={"controls": rank.planned, "resolution": rank.resolution},
        )
    ]
    if rank.is_stopped:
        limits.append(
            Reason(
                code="controls-stopped-early",
                values={"controls": rank.controls, "planned": rank.planned},
            )
        )
    if rank.conditional_alpha:
        limits.append(
            Reason(
                code="conditional-error-rate",
                values={
                    "controls": rank.planned,
                    "alpha": rank.alpha,
                    "bound": rank.conditional_alpha,
                },
            )
        )
    labels = case.scores[["metric", "label"]].drop_duplicates()
    metrics = sorted(labels.loc[labels["label"] == LAB_WEIGHTS, "metric"])
    if metrics:
        limits.append(Reason(code="lab-weights", values={"metrics": metrics}))
    if rank.left_out:
        limits.append(Reason(code="control-left-out", values={"control": rank.left_out[0]}))
    limits += _compare_architectures(case)
    if case.search.ended == "copies":
        limits.append(Reason(code="search-ended-at-copies"))
    if case.search.ended == "futile":
        limits.append(Reason(code="search-ended-early", values=case.search.end_reason.values))
    if case.search.rare:
        limits.append(Reason(code="rarity-by-latent-distance"))
    if not case.search.is_blind:
        strategy = case.search.strategy
        limits.append(Reason(code="trials-chosen-by-results", values={"strategy": strategy}))
    limits += _compare_specificity(case)
    if case.reference is None:
        limits.append(Reason(code="reference-not-compared"))
    return limits


def _compare_architectures(case: CaseData) -> list[Reason]:
    """Whether the reference differs from the checkpoint in more than what it was trained on."""
    checkpoint, reference = case.checkpoint, case.reference
    if reference is None:
        return []
    names: ReasonValues = {"reference": reference.name, "checkpoint": checkpoint.name}
    both = (checkpoint, reference)
    if len({(one.latent_channels, one.latent_scale) for one in both}) > 1:
        return [Reason(code="reference-latent-shape", values=names)]
    if len({(one.prediction_type, one.prompt_limit) for one in both}) == 1:
        return []
    return [
        Reason(
            code="reference-kind",
            values={
                **names,
                "reference_prediction": reference.prediction_type,
                "reference_tokens": reference.prompt_limit,
                "prediction": checkpoint.prediction_type,
                "tokens": checkpoint.prompt_limit,
            },
        )
    ]


def _compare_specificity(case: CaseData) -> list[Reason]:
    """Whether a prompt given for the target is longer than the captions of nearly all controls."""
    given = case.prompts[case.prompts["source"] != "recovered"]
    tried = given[given["text"].isin(case.trials["prompt"])]
    captions = case.controls.drop_duplicates("control")["caption"]
    if tried.empty or captions.empty:
        return []
    bits = int(tried["bits"].max())
    shorter = sum(count_text_bits(caption) < bits for caption in captions)
    if shorter < MORE_SPECIFIC_SHARE * len(captions):
        return []
    return [
        Reason(
            code="prompt-more-specific",
            values={"bits": bits, "shorter": shorter, "controls": len(captions)},
        )
    ]
