"""Reasons and error rate of a finding for *memorised*."""

from __future__ import annotations

from collections.abc import Callable

from seedwitness.config.names import SCANNED_RNG_ALGORITHMS
from seedwitness.report.wording.numbers import format_holm, format_p, format_percent


def _rank_at_most_alpha(
    at_least_as_close: int, controls: int, p: float, family: int, p_family: float, alpha: float
) -> str:
    return (
        f"{at_least_as_close:,} of {controls:,} controls came at least as close as the target: "
        f"p = {format_p(p)}{format_holm(family, p_family)}. This is at most α = {alpha:g}."
    )


def _rank_above_alpha(
    at_least_as_close: int, controls: int, p: float, family: int, p_family: float, alpha: float
) -> str:
    return (
        f"{at_least_as_close:,} of {controls:,} controls came at least as close as the target: "
        f"p = {format_p(p)}{format_holm(family, p_family)}. This is above α = {alpha:g}."
    )


def _copies_counted(copies: int, trials: int) -> str:
    return f"{copies:,} of {trials:,} trials are copies by the copy criterion."


def _close_but_no_copy(trials: int) -> str:
    return (
        "The target came closer than the controls, but no trial is a copy: 0 of "
        f"{trials:,} trials meet the copy criterion and beat the controls."
    )


def _copies_but_controls_close() -> str:
    return (
        "Trials meet the copy criterion, but controls came as close as the target: the criterion "
        "does not separate the target from images outside the training set."
    )


def _too_few_controls(controls: int, family: int, p_min: float, needed: int) -> str:
    cases = f" for a family of {family} cases" if family > 1 else ""
    fewer = ", or examine fewer checkpoints" if family > 1 else ""
    return (
        f"{controls:,} controls are too few{cases}: p could not fall below {format_p(p_min)}. Set "
        f"controls.count to {needed:,} or more{fewer}."
    )


def _case_is_reference() -> str:
    return (
        "This is the reference checkpoint: no other checkpoint ran the same recipes, and without "
        "that comparison no case is called supported. To examine this checkpoint, name another as "
        "judge.reference."
    )


def _reference_no_blind_trials() -> str:
    return (
        "No trial has a blind seed, so nothing ran by the same recipes on the reference "
        "checkpoint without having been chosen by its result here. Raise search.budget_nfe."
    )


def _reference_gain_above_alpha(
    checkpoint: str,
    at_least_as_close: int,
    controls: int,
    p: float,
    family: int,
    p_family: float,
    alpha: float,
) -> str:
    return (
        f"The target gains no more over the reference checkpoint {checkpoint} than the controls "
        f"do: {at_least_as_close} of {controls} controls gain at least as much by the same "
        f"recipes, p = {p:.3g}{format_holm(family, p_family)}. This is above α = {alpha:g}, so the "
        "closeness may be no doing of this checkpoint."
    )


def _reference_copies_too(
    checkpoint: str, copies: int, trials: int, reference_copies: int, reference_trials: int
) -> str:
    return (
        f"The reference checkpoint {checkpoint} made copies with the same recipes too, in "
        f"{reference_copies:,} of {reference_trials:,} blind trials; this checkpoint did in "
        f"{copies:,} "
        f"of {trials:,}. The 95 % intervals of the two rates overlap. Either the reference saw the "
        "target, or any checkpoint draws it from these prompts."
    )


def _own_output_not_excluded(
    checkpoint: str, share: float, step_share: float, missing: list[str]
) -> str:
    unscanned = f", and none by {', '.join(missing)}" if missing else ""
    return (
        f"The target may be an output of {checkpoint} itself, and a checkpoint knows its outputs "
        f"as well as learned pictures. Its seed was looked for in {format_percent(share)} of all "
        f"seeds, and for ancestral samplers in {format_percent(step_share)}{unscanned}. To scan "
        "them all, set scan=whole, scan.step_seeds=4294967296 and "
        f"scan.rng_algorithms=[{','.join(SCANNED_RNG_ALGORITHMS)}]. Or, where the image is older "
        "than the checkpoint, state a dated source (`seedwitness add IMAGE --dated DAY --source "
        "TEXT`), and the day of the checkpoint in judge.published."
    )


def _reference_ranks_close(checkpoint: str, p: float) -> str:
    return (
        f"On the reference checkpoint {checkpoint} the target came closer than the controls too "
        f"(p = {format_p(p)}): it is easier to draw than they are, or that checkpoint saw it. "
        "Choose controls that are more like the target, or another judge.reference."
    )


def _requirement(p: float, family: int, p_family: float, alpha: float) -> str:
    return f"p = {format_p(p)}{format_holm(family, p_family)}; “supported” requires p ≤ {alpha:g}"


def _error_rate(p: float, family: int, p_family: float, alpha: float) -> str:
    return (
        f"An image that the checkpoint never saw would rank this close in at most "
        f"{format_percent(p)} of such tests, if it is exchangeable with the controls "
        f"({_requirement(p, family, p_family, alpha)}). This is not the probability that the "
        "finding is wrong."
    )


def _error_rate_above_alpha(p: float, family: int, p_family: float, alpha: float) -> str:
    return (
        "An image that the checkpoint never saw ranks this close too often for a claim "
        f"({_requirement(p, family, p_family, alpha)})."
    )


def _error_rate_not_given() -> str:
    return "No error rate is given, because nothing could be concluded whatever the figures."


MEMORISED: dict[str, Callable[..., str]] = {
    "rank-at-most-alpha": _rank_at_most_alpha,
    "rank-above-alpha": _rank_above_alpha,
    "copies-counted": _copies_counted,
    "close-but-no-copy": _close_but_no_copy,
    "copies-but-controls-close": _copies_but_controls_close,
    "too-few-controls": _too_few_controls,
    "case-is-reference": _case_is_reference,
    "reference-no-blind-trials": _reference_no_blind_trials,
    "reference-gain-above-alpha": _reference_gain_above_alpha,
    "reference-ranks-close": _reference_ranks_close,
    "reference-copies-too": _reference_copies_too,
    "own-output-not-excluded": _own_output_not_excluded,
    "error-rate": _error_rate,
    "error-rate-above-alpha": _error_rate_above_alpha,
    "error-rate-not-given": _error_rate_not_given,
}
