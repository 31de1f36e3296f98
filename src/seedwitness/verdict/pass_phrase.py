"""The pass phrase: how many bits bring a target back, for whoever has the checkpoint already.

Sharing a prompt and a seed has been likened to sharing the password of an encrypted archive. Here
it is counted: the bits of the prompt, of the settings, and log2 of the blind seeds that it takes
until one gives a copy; beside the files that image codecs need for a picture as near.
"""

from __future__ import annotations

from math import log2
from typing import Any

import pandas as pd

from seedwitness.config.verdicts import JudgeSettings
from seedwitness.records.pass_phrase import CodecComparison, CodedFile, PassPhrase, SeedCost
from seedwitness.statistics.description_length import number_bits, text_bits
from seedwitness.statistics.distances import distance_of, score_of, with_distance
from seedwitness.verdict.case_data import CaseData, about, copied, distances_by_trial, rate_of

SETTINGS_CODE = (
    "sampler and RNG protocol 1 of 8 each, number format 1 of 4; steps, width and height in "
    "eighths, guidance in tenths and eta in thousandths in Elias’s delta code; the negative prompt "
    "as the prompt"
)


def phrase(case: CaseData, settings: JudgeSettings) -> PassPhrase:
    """The shortest pass phrase among the prompts that were tried.

    Where one of them has copies from blind seeds it is the one of the fewest bits, and those are a
    lucky choice's: its interval does not know of the others. Where none has, it is that of the
    trial that the search found nearest, and the bits are bounded from below. Variations of seeds
    are not counted. A seed that was not carried to all of its steps counts as one without a copy,
    so that the rate is too low if anything, and its upper end bounds nothing.
    """
    copies = copied(case, settings, case.scores)
    blind = _blind(case.trials[case.trials["trial"].isin(copies.index)])
    again = copied(case, settings, case.reference_scores) if len(case.reference_scores) else None
    options = []
    for row in case.prompts.to_dict("records"):
        own = blind[blind["prompt_rank"] == row["rank"]]
        if len(own):
            options.append(_phrase(row, own, case, copies, again))
    found = [(each.bits, each) for each in options if each.bits is not None]
    if found:
        return min(found, key=lambda each: each[0])[1]
    nearest = case.trials.loc[case.trials["trial"] == case.search.best_trial, "prompt_rank"]
    return next((each for each in options if each.prompt_rank in nearest.tolist()), options[0])


def seeds(copies: pd.Series, what: str, *, whole: bool = True, up_to_hit: bool = False) -> SeedCost:
    """log2 of the seeds until a copy, from which of so many blind ones gave one.

    Where they are not ``whole``, because some were not carried to their end, ``low`` is 0.
    ``up_to_hit`` is as for ``rates.rate``.
    """
    rate = rate_of(copies, what, up_to_hit=up_to_hit and bool(copies.any()))
    return SeedCost(
        copies=rate,
        bits=log2(rate.n / rate.hits) if rate.hits else None,
        low=-log2(rate.high) + 0.0 if whole else 0.0,
        high=-log2(rate.low) + 0.0 if rate.low else None,
    )


def settings_bits(recipe: dict[Any, Any]) -> int:
    """Bits of all of a recipe but its prompt and seed, as ``SETTINGS_CODE`` says."""
    numbers = (
        recipe["steps"],
        recipe["width"] // 8,
        recipe["height"] // 8,
        1 + round(10 * recipe["guidance"]),
        1 + round(1000 * recipe["eta"]),
    )
    return 3 + 3 + 2 + sum(map(number_bits, numbers)) + text_bits(recipe["negative_prompt"])


def _phrase(
    prompt: dict[Any, Any],
    own: pd.DataFrame,
    case: CaseData,
    copies: pd.Series,
    again: pd.Series | None,
) -> PassPhrase:
    most = own["steps"] == own["steps"].max()
    whole = set(own.loc[most, "root"]) == set(own["root"])
    ended = case.search.ended == "copies" and len(case.prompts) == 1
    found = seeds(
        _by_root(own, copies), "blind seeds that give a copy", whole=whole, up_to_hit=ended
    )
    fixed = settings_bits(own[most].iloc[0].to_dict())
    known = prompt["bits"] + fixed
    return PassPhrase(
        prompt=prompt["text"],
        prompt_rank=prompt["rank"],
        prompt_bits=prompt["bits"],
        settings_bits=fixed,
        seeds=found,
        bits=None if found.bits is None else known + found.bits,
        low=known + found.low,
        high=None if found.high is None else known + found.high,
        reference=None
        if again is None
        else seeds(
            _by_root(own, again), "of the same seeds on the reference checkpoint", whole=whole
        ),
        distortions=_distortions(case, own, copies),
    )


def _blind(trials: pd.DataFrame) -> pd.DataFrame:
    """Trials of seeds that nobody chose, each with the ``root`` that it carries on."""
    own = trials[trials["variations"] == ""]
    parents = dict(zip(own["trial"], own["parent"], strict=True))

    def root(trial: str) -> str:
        while parents[trial]:
            trial = parents[trial]
        return trial

    return own.assign(root=own["trial"].map(root))


def _by_root(own: pd.DataFrame, copies: pd.Series) -> pd.Series:
    """Which seeds gave a copy, with however many steps they were carried on."""
    return copies.reindex(own["trial"]).groupby(own["root"].to_numpy()).any()


def _distortions(case: CaseData, own: pd.DataFrame, copies: pd.Series) -> list[CodecComparison]:
    """How near a copy is, and what files need for it: the median of this prompt's copies."""
    found = []
    wide = distances_by_trial(case.scores).loc[own["trial"]]
    hits = copies.loc[own["trial"]]
    for metric in case.codecs["metric"].unique():
        said = about(case.scores, metric)
        higher = bool(said["higher_is_closer"])
        typical = score_of(
            float(wide.loc[hits, metric].median() if hits.any() else wide[metric].min()), higher
        )
        found.append(
            CodecComparison(
                metric=metric,
                label=str(said["label"]),
                higher_is_closer=higher,
                score=typical,
                files=smallest(case.codecs[case.codecs["metric"] == metric], typical),
            )
        )
    return found


def smallest(files: pd.DataFrame, score: float) -> list[CodedFile]:
    """Of each codec the smallest of ``files`` (CODECS, one metric) that is as near as ``score``."""
    farthest = distance_of(score, bool(files["higher_is_closer"].iloc[0]))
    near = files[with_distance(files)["distance"] <= farthest]
    first = near.sort_values(["bytes", "reduction", "quality"]).groupby("codec", sort=True).head(1)
    return [coded_file(row) for row in first.sort_values("codec").to_dict("records")]


def front(files: pd.DataFrame) -> list[CodedFile]:
    """Of each codec the files (CODECS, one metric) that no smaller one is as near as."""
    found = []
    for _, own in with_distance(files).groupby("codec", sort=True):
        ordered = own.sort_values("bytes")
        loss = ordered["distance"]
        found += [
            coded_file(row)
            for row in ordered[loss < loss.cummin().shift(fill_value=float("inf"))].to_dict(
                "records"
            )
        ]
    return found


def coded_file(row: dict[Any, Any]) -> CodedFile:
    """A row of CODECS as it stands in a document."""
    return CodedFile(
        codec=row["codec"],
        reduction=row["reduction"],
        quality=row["quality"],
        bytes=row["bytes"],
        distortion=row["score"],
    )
