"""From figures to words: what is concluded, why, and what limits it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seedwitness.config.verdicts import JudgeSettings
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.findings import CopyCount, PairedComparison, Rank, Verdict
from seedwitness.records.rates import Rate
from seedwitness.statistics import power_analysis
from seedwitness.statistics.description_length import text_bits
from seedwitness.verdict.case_data import CaseData

MORE = 0.95
"""The share of controls with shorter captions from which on a target's prompt tells more."""


@dataclass(frozen=True)
class ReferenceComparison:
    """The reference checkpoint beside a case, given the same recipes.

    ``compared`` is None where nothing could be compared, ``rates``, of copies here and there, where
    no trial is blind. ``p`` is the target's rank there among the same controls, None where the
    reference is not itself ranked in this report.
    """

    compared: PairedComparison | None
    rates: tuple[Rate, Rate] | None
    reference_p: float | None


def conclude(
    refused: Sequence[str],
    ranked: Rank,
    found: CopyCount,
    beside: ReferenceComparison | None,
    settings: JudgeSettings,
) -> tuple[Verdict, list[str]]:
    """The word for *memorised*, and the reasons for it, the decisive one first.

    ``refused`` are ``refusals``: where there are any, they are the reasons. ``beside`` is None
    where the checkpoint is the reference itself.
    """
    if refused:
        return "inconclusive", list(refused)
    least = ranked.resolution * ranked.family
    among = f" in the company of {ranked.family} cases" if ranked.family > 1 else ""
    if ranked.controls < settings.min_controls or least > settings.alpha:
        needed = max(
            settings.min_controls, power_analysis.controls_needed(settings.alpha, ranked.family)
        )
        return "inconclusive", [
            f"{ranked.controls} controls are too few{among}: p could not fall below {least:.2g}. "
            f"Set controls.count to {needed} or more"
            + (", or examine fewer checkpoints." if among else ".")
        ]
    low = ranked.p_family <= settings.alpha
    hits = found.rate.hits
    holm_says = f" and by Holm over {ranked.family} cases {ranked.p_family:.3g}"
    said = (
        f"{ranked.at_least_as_close} of {ranked.controls} controls came back at least as close: "
        f"p = {ranked.p:.3g}{holm_says if among else ''}, "
        f"{'at most' if low else 'above'} α = {settings.alpha:g}."
    )
    counted = f"{hits} of {found.rate.n} regenerations are copies by the threshold."
    if low and hits:
        against = _withheld(beside, settings)
        if against:
            return "inconclusive", [against, said, counted]
        return "supported", [said, counted]
    if low:
        return "inconclusive", ["Closer than the controls, but no copy. " + counted, said]
    if hits:
        return "inconclusive", [
            "Copies by the threshold, but controls come as close: here the threshold says nothing.",
            said,
            counted,
        ]
    return "not supported", [said, counted]


def _withheld(beside: ReferenceComparison | None, settings: JudgeSettings) -> str:
    """What the reference says against calling a case supported; empty where it says nothing.

    Vetoes and no second tests at α: few trials by the right prompt could never pass those.
    """
    if beside is None:
        return (
            "This is the reference checkpoint: there is no other that was given the same recipes, "
            "and without that nothing is called supported. Name another as judge.reference to ask "
            "about this one."
        )
    compared = beside.compared
    if compared is None:
        return (
            "Fewer than two trials of blind seeds were made, which give no interval for the "
            "difference to the reference checkpoint: raise search.budget_nfe, or "
            "search.stop.copies."
        )
    if compared.low == compared.high:
        return (
            f"All trials differ from the reference checkpoint's by the same "
            f"{compared.difference:.3g}, so that no spread is seen and no interval can be given: "
            "raise search.budget_nfe, or rank by another metric."
        )
    if not compared.low > 0:
        return (
            f"The reference checkpoint {compared.checkpoint} may come as close with the same "
            f"recipes: the paired difference is {compared.difference:.3g} in the mean, and its "
            f"95 % interval from {compared.low:.3g} to {compared.high:.3g} holds 0."
        )
    if beside.rates:
        own, theirs = beside.rates
        if theirs.hits and theirs.high >= own.low:
            return (
                f"The reference checkpoint {compared.checkpoint} made copies with the same recipes "
                f"too, in {theirs.hits} of {theirs.n} blind trials, where this one did in "
                f"{own.hits} of {own.n}: the 95 % intervals of the two rates overlap. Either it "
                "saw the target, or anyone draws it from these words."
            )
    if beside.reference_p is not None and beside.reference_p <= settings.alpha:
        return (
            f"The target beats the controls on the reference checkpoint {compared.checkpoint} too "
            f"(p = {beside.reference_p:.3g}): it is easier to draw than they are, or that checkpoint saw it. "
            "Take controls that are more like it, or another as judge.reference."
        )
    return ""


def other_noise(case: CaseData) -> bool:
    """Whether the same seed is other noise on the reference checkpoint."""
    assert case.reference is not None
    shapes = {
        (each.latent_channels, each.latent_scale) for each in (case.checkpoint, case.reference)
    }
    return len(shapes) > 1


def _kind(checkpoint: CheckpointIdentity) -> str:
    """What a checkpoint does that another of its family does too."""
    return f"predicts {checkpoint.prediction_type} from {checkpoint.prompt_limit} tokens at most"


def limits(case: CaseData, ranked: Rank) -> list[str]:
    """What is to be said beside the word for *memorised*, a sentence each."""
    said = [f"With {ranked.controls} controls p cannot fall below {ranked.resolution:.3g}."]
    labels = case.scores[["metric", "label"]].drop_duplicates()
    lab = sorted(labels.loc[labels["label"] == "lab weights", "metric"])
    if lab:
        said.append(f"Measured with lab weights, not published ones: {', '.join(lab)}.")
    if ranked.left_out:
        said.append(
            f"The target itself was among the controls and was left out: {ranked.left_out[0]}."
        )
    if case.reference and other_noise(case):
        said.append(
            f"The latents of {case.reference.name} have another shape than those of "
            f"{case.checkpoint.name}, so that a seed is not the same noise there: it was given "
            "the same words and numbers, and what differs is more than the training."
        )
    elif case.reference and _kind(case.reference) != _kind(case.checkpoint):
        said.append(
            f"{case.reference.name} is of another kind than {case.checkpoint.name}: it "
            f"{_kind(case.reference)}, and not {_kind(case.checkpoint)}, so that what differs is "
            "more than the training."
        )
    if case.search.ended == "copies":
        said.append(
            "The search went on until it had copies enough: the interval of their rate reckons "
            "with that, and the controls were searched in the same way. The difference to the "
            "reference checkpoint leans to this one, because the last trial is always a copy."
        )
    if case.search.ended == "futile":
        said.append(f"The search was given up before its budget: {case.search.stopped}.")
    if case.search.rare:
        said.append(
            "How rarely a blind seed comes near is measured by the guide, and not by the copy's "
            "criteria; it was estimated while the levels were chosen, so its interval is made wide."
        )
    if not case.search.is_blind:
        said.append(
            f"The strategy {case.search.strategy} chose its later trials by how close earlier ones "
            "came: the rate of copies is none of blind seeds, and no interval is given for it; the "
            "difference to the reference checkpoint is that of blind seeds alone. p is fair: the "
            "controls were searched in the same way."
        )
    said += _told_more(case)
    if case.reference is None:
        said.append(
            "This is the reference checkpoint itself: there is no other to compare it with, and "
            "its case is not counted among those that p is corrected for."
        )
    return said


def _told_more(case: CaseData) -> list[str]:
    """Whether what was said of the target tells more than the captions of nearly all controls."""
    given = case.prompts[case.prompts["source"] != "recovered"]
    tried = given[given["text"].isin(case.trials["prompt"])]
    captions = case.controls.drop_duplicates("control")["caption"]
    if tried.empty or captions.empty:
        return []
    most = int(tried["bits"].max())
    shorter = sum(text_bits(each) < most for each in captions)
    if shorter < MORE * len(captions):
        return []
    return [
        f"What was said of the target takes {most} bits, more than the captions of {shorter} of "
        f"{len(captions)} controls: a prompt that tells more makes a picture easier to draw, "
        "learned or not. The reference checkpoint answers that, and p does not."
    ]
