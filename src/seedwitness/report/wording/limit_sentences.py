"""Limits of a finding for *memorised*."""

from __future__ import annotations

from collections.abc import Callable

from seedwitness.report.wording.numbers import format_p, format_percent
from seedwitness.report.wording.search_sentences import word_no_copy


def _p_resolution(controls: int, resolution: float) -> str:
    return f"With {controls:,} controls p cannot fall below {format_p(resolution)}."


def _conditional_error_rate(controls: int, alpha: float, bound: float) -> str:
    return (
        f"The error rate α = {format_percent(alpha)} is a mean over all sets of {controls} "
        f"controls. With the controls of this report it is at most {format_percent(bound)}, at "
        "95 % confidence."
    )


def _controls_stopped_early(controls: int, planned: int) -> str:
    return (
        f"Controls were drawn one by one, up to {planned:,}, in an order fixed beforehand, until "
        "so many were as close as the target that p is above α whatever the others show. "
        f"That was after {controls:,}; p is that of the sequential test of Besag and Clifford "
        "(1991). The gain over the reference and the sensitivity need all controls, so they were "
        "not computed."
    )


def _lab_weights(metrics: list[str]) -> str:
    return f"Measured with lab weights, not with published ones: {', '.join(metrics)}."


def _control_left_out(control: str) -> str:
    return f"The target itself was among the controls and was left out: {control}."


def _reference_latent_shape(reference: str, checkpoint: str) -> str:
    return (
        f"The latents of {reference} have another shape than those of {checkpoint}, so the same "
        f"seed gives other noise there. {reference} ran the same prompts and settings, but the two "
        "checkpoints differ in more than their training set."
    )


def _reference_kind(
    reference: str,
    checkpoint: str,
    reference_prediction: str,
    reference_tokens: int,
    prediction: str,
    tokens: int,
) -> str:
    return (
        f"{reference} is of another kind than {checkpoint}: it predicts {reference_prediction} "
        f"from at most {reference_tokens} tokens, and {checkpoint} predicts {prediction} from at "
        f"most {tokens} tokens. The two checkpoints differ in more than their training set."
    )


def _search_ended_at_copies() -> str:
    return (
        "The search ended as soon as it had enough copies. The interval of the copy rate accounts "
        "for that, and the controls were searched by the same rule. The difference to the "
        "reference checkpoint is biased towards this checkpoint, because the last trial is always "
        "a copy."
    )


def _search_ended_early(
    trials: int, prompts_tried: int, prompts: int, copy_rate: float, probability: float
) -> str:
    found = word_no_copy(trials, prompts_tried, prompts, copy_rate, probability)
    return f"The search ended before its budget was spent. {found}"


def _rarity_by_latent_distance() -> str:
    return (
        "How rarely a blind seed comes near the target is measured by the latent distance, not by "
        "the copy criterion. The levels were chosen during the estimate, so its interval was made "
        "wide."
    )


def _trials_chosen_by_results(strategy: str) -> str:
    return (
        f"The strategy {strategy} chose its later trials by how close earlier ones came. The copy "
        "rate is therefore not that of blind seeds, and no interval is given for it; the "
        "difference to the reference checkpoint is that of blind seeds only. p remains valid, "
        "because the controls were searched in the same way."
    )


def _prompt_more_specific(bits: int, shorter: int, controls: int) -> str:
    return (
        f"The longest prompt that was given for the target takes {bits} bits, more than the "
        f"captions of {shorter:,} of {controls:,} controls. A more specific prompt makes an image "
        "easier to draw, learned or not. The reference checkpoint accounts for that, and p does "
        "not."
    )


def _reference_not_compared() -> str:
    return (
        "This is the reference checkpoint itself: there is no other to compare it with, and it is "
        "not counted among the cases that p is adjusted for."
    )


def _provenance_stated(date: str, source: str, checkpoint: str, published: str) -> str:
    return (
        f"That the image is no output of {checkpoint} rests on a claim, which was not checked: it "
        f"was there on {date} by “{source}”, before {checkpoint}, which is stated to be of "
        f"{published}."
    )


LIMITS: dict[str, Callable[..., str]] = {
    "p-resolution": _p_resolution,
    "conditional-error-rate": _conditional_error_rate,
    "controls-stopped-early": _controls_stopped_early,
    "lab-weights": _lab_weights,
    "control-left-out": _control_left_out,
    "reference-latent-shape": _reference_latent_shape,
    "reference-kind": _reference_kind,
    "search-ended-at-copies": _search_ended_at_copies,
    "search-ended-early": _search_ended_early,
    "rarity-by-latent-distance": _rarity_by_latent_distance,
    "trials-chosen-by-results": _trials_chosen_by_results,
    "prompt-more-specific": _prompt_more_specific,
    "reference-not-compared": _reference_not_compared,
    "provenance-stated": _provenance_stated,
}
