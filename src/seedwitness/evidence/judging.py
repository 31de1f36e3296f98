"""From scores to a finding: what is concluded of one target against one checkpoint, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from seedwitness import config, records
from seedwitness.errors import RecordError
from seedwitness.evidence.generation import generated
from seedwitness.evidence.ranks import holm, paired, rank
from seedwitness.evidence.rates import rate

BEST = "the closest of all trials"


@dataclass(frozen=True)
class Examined:
    """All that a finding rests on. ``scores`` and ``reference_scores`` are ``records.SCORES``,
    of the same trials; ``controls`` is ``records.CONTROLS``.

    ``flat`` says why the target is too flat to be recognised by; empty where it is not.
    ``reference`` is None where the checkpoint is the reference itself.
    """

    target: records.Target
    checkpoint: records.Checkpoint
    flat: Sequence[str]
    scores: pd.DataFrame
    controls: pd.DataFrame
    reference: records.Checkpoint | None
    reference_scores: pd.DataFrame
    search: records.Search
    prompt_bits: float | None
    scan: records.Scan


def judge(cases: Sequence[Examined], settings: config.Judge) -> list[records.Case]:
    """The findings for all cases of one target, *memorised* and *generated*, in the same order.

    *Memorised* is *supported* only where p ≤ α by Holm over all cases but the reference's, a
    regeneration is a copy, and the 95 % interval of the paired difference to the reference
    checkpoint lies above 0. *Generated* is ``generation.generated``.
    """
    standings = [_standing(case, settings) for case in cases]
    family = [standing for case, standing in zip(cases, standings, strict=True) if case.reference]
    adjusted = iter(holm([each.rank.p for each in family]))
    found = []
    for case, standing in zip(cases, standings, strict=True):
        if case.reference:
            update = {"family": len(family), "p_family": next(adjusted)}
            standing = replace(standing, rank=standing.rank.model_copy(update=update))
        found.append(
            records.Case(
                target=case.target.name,
                checkpoint=case.checkpoint.name,
                checkpoint_sha256=case.checkpoint.sha256,
                memorised=memorised(case, standing, settings),
                generated=generated(case.scan, case.flat),
            )
        )
    return found


@dataclass(frozen=True)
class _Standing:
    """Where a case stands among its controls, before others of the report are reckoned with."""

    statistic: records.Statistic
    rank: records.Rank


def _standing(case: Examined, settings: config.Judge) -> _Standing:
    """The statistic of a case, and its rank among those of its controls."""
    wide = by_trial(case.scores)
    if wide.empty:
        raise RecordError(
            f"No trial of {case.target.name} on {case.checkpoint.name} was scored: the budget is "
            "smaller than one image costs. Raise search.budget_nfe and run again."
        )
    about = _about(case.scores, settings.metric)
    higher = bool(about["higher_is_closer"])
    statistic = records.Statistic(
        metric=settings.metric,
        version=str(about["version"]),
        label=str(about["label"]),
        weights_sha256=str(about["weights_sha256"]),
        higher_is_closer=higher,
        value=closest(wide[settings.metric], higher),
        selection=BEST,
    )
    best, left_out = control_statistics(case, settings.metric, higher)
    ranked = rank(statistic.value, best, higher_is_closer=higher, alpha=settings.alpha)
    return _Standing(statistic, ranked.model_copy(update={"left_out": left_out}))


def memorised(case: Examined, standing: _Standing, settings: config.Judge) -> records.Memorised:
    """Was the target learned? Rank among controls, copies by the threshold, the reference."""
    wide = by_trial(case.scores)
    found = copies(case, settings, wide)
    compared = _compared(case, settings, wide, standing.statistic.higher_is_closer)
    finding, reasons = conclude(case.flat, standing.rank, found, compared, settings)
    return records.Memorised(
        finding=finding,
        reasons=reasons,
        limits=_limits(case, standing.rank),
        statistic=standing.statistic,
        rank=standing.rank,
        copies=found,
        reference=compared,
        prompt_bits=case.prompt_bits,
    )


def conclude(
    flat: Sequence[str],
    ranked: records.Rank,
    found: records.Copies,
    compared: records.Paired | None,
    settings: config.Judge,
) -> tuple[records.Finding, list[str]]:
    """The word for *memorised*, and the reasons for it, the decisive one first."""
    if flat:
        return "inconclusive", [
            f"The target is too flat to be recognised by: {why}" for why in flat
        ]
    least = ranked.resolution * ranked.family
    among = f" in the company of {ranked.family} cases" if ranked.family > 1 else ""
    if ranked.controls < settings.least_controls or least > settings.alpha:
        return "inconclusive", [
            f"{ranked.controls} controls are too few{among}: at least {settings.least_controls} "
            f"are asked for, and p could not fall below {least:.2g}."
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
        # A veto and no second test at α: few trials by the right prompt could never pass that.
        if compared is not None and compared.low <= 0:
            return "inconclusive", [
                f"The reference checkpoint {compared.checkpoint} may come as close with the same "
                f"recipes: the paired difference is {compared.difference:.3g} in the mean, and its "
                f"95 % interval from {compared.low:.3g} to {compared.high:.3g} holds 0.",
                said,
                counted,
            ]
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


def by_trial(scores: pd.DataFrame) -> pd.DataFrame:
    """``records.SCORES`` as one row a trial and one column a metric."""
    return scores.set_index(["trial", "metric"])["score"].unstack()  # noqa: PD010


def closest(values: pd.Series, higher_is_closer: bool) -> float:
    """The statistic of a case: the closest of all its trials."""
    return float(values.max() if higher_is_closer else values.min())


def control_statistics(
    case: Examined, metric: str, higher_is_closer: bool
) -> tuple[list[float], list[str]]:
    """The same statistic of every control; the target itself is no control, and is named."""
    own = case.controls[case.controls["metric"] == metric]
    same = own["pixels_sha256"] == case.target.pixels_sha256
    left_out = sorted(own.loc[same, "control"].unique())
    grouped = own[~same].groupby("control")["score"]
    best = grouped.max() if higher_is_closer else grouped.min()
    return best.sort_index().tolist(), left_out


def copies(case: Examined, settings: config.Judge, wide: pd.DataFrame) -> records.Copies:
    """Trials that meet every criterion, with the interval; and the reference's of the same."""
    criteria = [
        records.Criterion(
            metric=copy.metric,
            threshold=copy.threshold,
            higher_is_closer=bool(_about(case.scores, copy.metric)["higher_is_closer"]),
            source=copy.source,
        )
        for copy in settings.copies
    ]
    hits = meets(wide, criteria)
    what = "trials that are copies"
    reference = None
    if len(case.reference_scores):
        theirs = meets(by_trial(case.reference_scores), criteria)
        reference = _rate(theirs, f"{what}, on the reference checkpoint")
    higher = bool(_about(case.scores, settings.metric)["higher_is_closer"])
    nearest = wide.loc[hits, settings.metric]
    return records.Copies(
        criteria=criteria,
        rate=_rate(hits, what, up_to_hit=case.search.ended == "copies"),
        best_trial=None if nearest.empty else str(nearest.idxmax() if higher else nearest.idxmin()),
        reference_rate=reference,
    )


def meets(wide: pd.DataFrame, criteria: Sequence[records.Criterion]) -> pd.Series:
    """Which rows of a table of trials meet every criterion."""
    hits = pd.Series(True, index=wide.index)
    for each in criteria:
        score = wide[each.metric]
        hits &= score >= each.threshold if each.higher_is_closer else score <= each.threshold
    return hits


def _compared(
    case: Examined, settings: config.Judge, wide: pd.DataFrame, higher: bool
) -> records.Paired | None:
    if case.reference is None:
        return None
    theirs = by_trial(case.reference_scores)[settings.metric].reindex(wide.index)
    if theirs.isna().any() or len(case.reference_scores["trial"].unique()) != len(wide):
        raise RecordError(
            f"The replay of {case.target.name} on {case.reference.name} has other trials than the "
            "search. Run both again: `dvc repro`."
        )
    return paired(
        wide[settings.metric].tolist(),
        theirs.tolist(),
        higher_is_closer=higher,
        resamples=settings.resamples,
        seed=settings.seed,
        checkpoint=case.reference.name,
        checkpoint_sha256=case.reference.sha256,
        what=f"{settings.metric}, trial by trial",
    )


def _about(scores: pd.DataFrame, metric: str) -> pd.Series:
    found = scores[scores["metric"] == metric]
    if found.empty:
        raise RecordError(
            f"No trial has a score by {metric}. Name it in score.metrics, or another in judge."
        )
    return found.iloc[0]


def _rate(hits: pd.Series, what: str, *, up_to_hit: bool = False) -> records.Rate:
    found = rate(int(hits.sum()), len(hits), up_to_hit=up_to_hit)
    return records.Rate(hits=found.hits, n=found.n, low=found.low, high=found.high, what=what)


def _limits(case: Examined, ranked: records.Rank) -> list[str]:
    said = [f"With {ranked.controls} controls p cannot fall below {ranked.resolution:.3g}."]
    labels = case.scores[["metric", "label"]].drop_duplicates()
    lab = sorted(labels.loc[labels["label"] == "lab weights", "metric"])
    if lab:
        said.append(f"Measured with lab weights, not published ones: {', '.join(lab)}.")
    if ranked.left_out:
        said.append(
            f"The target itself was among the controls and was left out: {ranked.left_out[0]}."
        )
    if case.search.ended == "copies":
        said.append(
            "The search went on until it had copies enough: the interval of their rate reckons "
            "with that, and the controls were searched in the same way."
        )
    if case.search.ended == "futile":
        said.append(f"The search was given up before its budget: {case.search.stopped}.")
    if case.search.rare:
        said.append(
            "How rarely a blind seed comes near is measured by the guide, and not by the copy's "
            "criteria; it was estimated while the levels were chosen, so its interval is made wide."
        )
    if case.search.strategy != records.BLIND:
        said.append(
            f"The strategy {case.search.strategy} chose its later trials by how close earlier ones "
            "came: the rate of copies is none of blind seeds, and the difference to the reference "
            "checkpoint, on which the same recipes were chosen for nothing, leans to this one. p "
            "is fair: the controls were searched in the same way."
        )
    if case.reference is None:
        said.append(
            "This is the reference checkpoint itself: there is no other to compare it with, and "
            "its case is not counted among those that p is corrected for."
        )
    return said
