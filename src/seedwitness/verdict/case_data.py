"""What a finding rests on, and the figures that are read off it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from seedwitness.config.verdicts import JudgeSettings
from seedwitness.errors import RecordError
from seedwitness.imaging.perceptual_fingerprint import Fingerprint, FingerprintIndex
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.findings import CopyCount, CopyCriterion, PairedComparison
from seedwitness.records.rates import Rate
from seedwitness.records.search import SearchSummary
from seedwitness.records.seed_scan import SeedScan
from seedwitness.records.target import TargetRecord
from seedwitness.statistics.distances import distance_of, with_distance
from seedwitness.statistics.ranks import compare_pairs
from seedwitness.statistics.rates import rate


@dataclass(frozen=True)
class CaseData:
    """All that a finding rests on. ``scores`` and ``reference_scores`` are ``records.SCORES``,
    of the same ``trials`` (``records.TRIALS``); ``controls``, and ``known``, what the checkpoint is
    known to have learned, are ``records.CONTROLS``; ``prompts`` is ``records.PROMPTS`` and
    ``codecs`` ``records.CODECS``.

    ``flat`` says why the target is too flat to be recognised by; empty where it is not.
    ``reference`` is None where the checkpoint is the reference itself.
    """

    target: TargetRecord
    checkpoint: CheckpointIdentity
    flat: Sequence[str]
    scores: pd.DataFrame
    controls: pd.DataFrame
    known: pd.DataFrame
    reference: CheckpointIdentity | None
    reference_scores: pd.DataFrame
    search: SearchSummary
    prompts: pd.DataFrame
    trials: pd.DataFrame
    codecs: pd.DataFrame
    scan: SeedScan


def tables(case: CaseData) -> dict[str, pd.DataFrame]:
    """The tables of scores that a finding rests on, by what they are of."""
    return {
        "trials": case.scores,
        "trials on the reference": case.reference_scores,
        "trials of controls": case.controls,
        "trials of pictures known to be learned": case.known,
    }


@dataclass(frozen=True)
class Picture:
    """What a picture is known by, whatever its file is called and however it was saved."""

    name: str
    pixels_sha256: str
    imprint: Fingerprint


def same(one: Picture, among: Sequence[Picture]) -> list[Picture]:
    """Those that are ``one``, by their pixels or as ``resaved`` sees it, in their order."""
    seen = set(FingerprintIndex([each.imprint for each in among]).find_matches(one.imprint))
    return [
        each
        for place, each in enumerate(among)
        if place in seen or each.pixels_sha256 == one.pixels_sha256
    ]


def pictures(table: pd.DataFrame) -> list[Picture]:
    """The pictures of ``records.CONTROLS``, each once."""
    columns = ["control", "pixels_sha256", *Fingerprint._fields]
    return [
        Picture(name, pixels, Fingerprint(*seen))
        for name, pixels, *seen in table[columns].drop_duplicates("control").to_numpy()
    ]


def distances_by_trial(scores: pd.DataFrame) -> pd.DataFrame:
    """Distances of ``records.SCORES``: one row a trial and one column a metric."""
    return with_distance(scores).set_index(["trial", "metric"])["distance"].unstack()  # noqa: PD010


def split_half(trials: pd.Series, half: int, of: pd.Series | None = None) -> pd.Series:
    """Which of a search's trials belong to one of two halves, 0 or 1; ``of`` tells searches apart.

    Ids are hashes, so every other one in their order is a half that nobody chose.
    """
    ordered = trials.sort_values()
    places = ordered.groupby((lambda _: 0) if of is None else of).cumcount()
    return places.reindex(trials.index) % 2 != half


def control_statistics(
    case: CaseData, metric: str, half: int | None = None
) -> tuple[list[float], list[str]]:
    """The same statistic of every control; the target itself is no control, and is named.

    ``half`` takes every other trial of each, as ``every_other`` does.
    """
    own = case.controls[case.controls["metric"] == metric]
    if half is not None:
        own = own[split_half(own["trial"], half, own["control"])]
    return statistics(own, case.target)


def statistics(own: pd.DataFrame, but: TargetRecord) -> tuple[list[float], list[str]]:
    """The least distance of each picture's trials, from ``records.CONTROLS`` of one metric.

    Pictures that are ``but`` are left out, and named.
    """
    target = Picture(
        but.name, but.pixels_sha256, Fingerprint(but.pdq, but.pdq_quality, but.thumbnail)
    )
    left_out = sorted(each.name for each in same(target, pictures(own)))
    grouped = with_distance(own[~own["control"].isin(left_out)]).groupby("control")["distance"]
    return grouped.min().sort_index().tolist(), left_out


def copies(case: CaseData, settings: JudgeSettings, wide: pd.DataFrame) -> CopyCount:
    """Trials that meet every criterion, with the interval; and the reference's of the same."""
    criteria = _criteria(case, settings)
    hits = meets(wide, criteria)
    what = "trials that are copies"
    whole = len(wide) == case.scores["trial"].nunique()
    # A trial on the threshold may be a copy to the search, which decodes others beside it, only.
    up_to_hit = case.search.ended == "copies" and whole and bool(hits.any())
    reference = None
    if len(case.reference_scores):
        theirs = meets(distances_by_trial(case.reference_scores), criteria)
        theirs = theirs[theirs.index.isin(wide.index)]
        reference = rate_of(theirs, f"{what}, on the reference checkpoint")
    nearest = wide.loc[hits, settings.metric]
    return CopyCount(
        criteria=criteria,
        rate=rate_of(hits, what, up_to_hit=up_to_hit),
        best_trial=None if nearest.empty else str(nearest.idxmin()),
        reference_rate=reference,
    )


def blind_rates(
    case: CaseData, settings: JudgeSettings, wide: pd.DataFrame
) -> tuple[Rate, Rate] | None:
    """``copies`` among the blind trials of ``wide``, here and on the reference.

    None where the checkpoint is the reference itself, or no trial is blind.
    """
    blind = wide[is_blind(case, wide)]
    if case.reference is None or blind.empty:
        return None
    found = copies(case, settings, blind)
    assert found.reference_rate is not None
    return found.rate, found.reference_rate


def copied(case: CaseData, settings: JudgeSettings, scores: pd.DataFrame) -> pd.Series:
    """Which trials of ``scores`` are copies by every criterion, by trial."""
    return meets(distances_by_trial(scores), _criteria(case, settings))


def meets(wide: pd.DataFrame, criteria: Sequence[CopyCriterion]) -> pd.Series:
    """Which rows of a table of trials meet every criterion."""
    hits = pd.Series(True, index=wide.index)
    for each in criteria:
        hits &= wide[each.metric] <= distance_of(each.threshold, each.higher_is_closer)
    return hits


def compared(
    case: CaseData, settings: JudgeSettings, wide: pd.DataFrame
) -> PairedComparison | None:
    """The blind trials of ``wide`` beside those of the same recipes on the reference checkpoint.

    None where the checkpoint is the reference itself, or there is a single one, which no spread can
    be seen of. Raises RecordError where the recipes differ.
    """
    if case.reference is None:
        return None
    replayed = distances_by_trial(case.reference_scores).reindex(columns=wide.columns)
    theirs = replayed[settings.metric].reindex(wide.index)
    if theirs.isna().any() or set(case.reference_scores["trial"]) != set(case.scores["trial"]):
        raise RecordError(
            f"The replay of {case.target.name} on {case.reference.name} has other trials than the "
            "search. Run both again: `dvc repro`."
        )
    blind = is_blind(case, wide)
    if blind.sum() < 2:
        return None
    prompts = case.trials.set_index("trial").loc[wide.index, "prompt"]
    return compare_pairs(
        wide.loc[blind, settings.metric].tolist(),
        theirs[blind].tolist(),
        prompts[blind].tolist(),
        resamples=settings.resamples,
        seed=settings.seed,
        checkpoint=case.reference.name,
        checkpoint_sha256=case.reference.sha256,
        what=f"{settings.metric}, trial by trial"
        + ("" if blind.all() else ", of blind seeds alone"),
    )


def is_blind(case: CaseData, wide: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which trials of ``wide`` nothing chose by what came of others.

    What was chosen by it leans to the checkpoint that it came of.
    """
    trials = case.trials.set_index("trial").loc[wide.index]
    return ((trials["parent"] == "") & (trials["variations"] == "")).to_numpy()


def about(scores: pd.DataFrame, metric: str) -> pd.Series:
    """A row of ``records.SCORES`` by ``metric``: its version, weights and direction."""
    found = scores[scores["metric"] == metric]
    if found.empty:
        raise RecordError(
            f"No trial has a score by {metric}. Name it in score.metrics, or another in judge."
        )
    return found.iloc[0]


def _criteria(case: CaseData, settings: JudgeSettings) -> list[CopyCriterion]:
    return [
        CopyCriterion(
            metric=copy.metric,
            threshold=copy.threshold,
            higher_is_closer=bool(about(case.scores, copy.metric)["higher_is_closer"]),
            source=copy.source,
        )
        for copy in settings.copy_criteria
    ]


def rate_of(hits: Sequence[bool] | pd.Series, what: str, *, up_to_hit: bool = False) -> Rate:
    """How many of ``hits`` are true, with its interval."""
    found = rate(int(np.sum(hits)), len(hits), up_to_hit=up_to_hit)
    return Rate(hits=found.hits, n=found.n, low=found.low, high=found.high, what=what)
