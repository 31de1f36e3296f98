"""The pass phrase: how many bits bring a target back, for someone who has the checkpoint already.

Sharing a prompt and a seed has been likened to sharing the password of an encrypted archive. Here
it is counted: the bits of the prompt, of the settings, and log2 of the blind seeds until a copy.
Beside it stand the files that image codecs need for an image as close.
"""

from __future__ import annotations

from math import log2
from typing import Any

import pandas as pd

from seedwitness.config.verdicts import JudgeSettings
from seedwitness.records.pass_phrase import CodecComparison, CodedFile, PassPhrase, SeedCost
from seedwitness.statistics.description_length import count_number_bits, count_text_bits
from seedwitness.statistics.distances import distance_of, score_of, with_distance
from seedwitness.statistics.rates import estimate_share
from seedwitness.verdict.case_data import CaseData, distances_by_trial, find_metric
from seedwitness.verdict.copy_counts import find_copies


def find_shortest_phrase(case: CaseData, settings: JudgeSettings) -> PassPhrase:
    """The shortest pass phrase among the prompts that were tried.

    Of the prompts with copies from blind seeds it is the one with the fewest bits; its interval
    does not account for that choice. Where no prompt has copies it is the phrase of the trial that
    the search ranked closest, and its bits are bounded from below. Variations of seeds are not
    counted. A seed that was not sampled to its last step counts as one without a copy: then the
    rate is too low if anything, and its upper end bounds nothing.
    """
    copies = find_copies(case, settings, case.scores)
    blind = _find_blind_seeds(case.trials[case.trials["trial"].isin(copies.index)])
    reference_copies = (
        find_copies(case, settings, case.reference_scores) if len(case.reference_scores) else None
    )
    phrases = []
    for prompt in case.prompts.to_dict("records"):
        trials = blind[blind["prompt_rank"] == prompt["rank"]]
        if len(trials):
            phrases.append(_measure_phrase(prompt, trials, case, copies, reference_copies))
    with_copies = [(phrase.bits, phrase) for phrase in phrases if phrase.bits is not None]
    if with_copies:
        return min(with_copies, key=lambda pair: pair[0])[1]
    is_closest = case.trials["trial"] == case.search.best_trial
    ranks = case.trials.loc[is_closest, "prompt_rank"].tolist()
    return next((phrase for phrase in phrases if phrase.prompt_rank in ranks), phrases[0])


def estimate_seed_cost(
    copies: pd.Series, what: str, *, is_whole: bool = True, up_to_hit: bool = False
) -> SeedCost:
    """log2 of the seeds until a copy, from which of the blind seeds gave one.

    ``is_whole`` is False where some seeds were not sampled to their last step: then ``low`` is 0.
    ``what`` and ``up_to_hit`` are as for ``estimate_rate``.
    """
    rate = estimate_share(copies, what, up_to_hit=up_to_hit and bool(copies.any()))
    return SeedCost(
        copies=rate,
        bits=log2(rate.n / rate.hits) if rate.hits else None,
        low=-log2(rate.high) + 0.0 if is_whole else 0.0,
        high=-log2(rate.low) + 0.0 if rate.low else None,
    )


USUAL_SAMPLERS = frozenset(
    {"ddim", "dpmpp-2m", "dpmpp-2m-karras", "euler", "euler-a", "pndm", "unipc"}
)
"""The samplers that cost three bits; an eighth code is followed by the number of another one."""


def count_settings_bits(recipe: dict[Any, Any]) -> int:
    """Bits of all of a recipe but its prompt and seed.

    The sampler is 1 of 7 usual ones, or after the eighth code 1 of 256; the RNG algorithm is 1 of
    8, the number format 1 of 4. Steps, width and
    height in eighths, guidance in tenths and eta in thousandths are in Elias's delta code, and the
    negative prompt is coded as the prompt is.
    """
    numbers = (
        recipe["steps"],
        recipe["width"] // 8,
        recipe["height"] // 8,
        1 + round(10 * recipe["guidance"]),
        1 + round(1000 * recipe["eta"]),
    )
    return (
        (3 if recipe["sampler"] in USUAL_SAMPLERS else 3 + 8)
        + 3
        + 2
        + sum(map(count_number_bits, numbers))
        + count_text_bits(recipe["negative_prompt"])
    )


def _measure_phrase(
    prompt: dict[Any, Any],
    trials: pd.DataFrame,
    case: CaseData,
    copies: pd.Series,
    reference_copies: pd.Series | None,
) -> PassPhrase:
    full_length = trials["steps"] == trials["steps"].max()
    is_whole = set(trials.loc[full_length, "root"]) == set(trials["root"])
    ended_at_copies = case.search.ended == "copies" and len(case.prompts) == 1
    seeds = estimate_seed_cost(
        _any_by_root(trials, copies), "seed-copies", is_whole=is_whole, up_to_hit=ended_at_copies
    )
    settings_bits = count_settings_bits(trials[full_length].iloc[0].to_dict())
    fixed_bits = prompt["bits"] + settings_bits
    return PassPhrase(
        prompt=prompt["text"],
        prompt_rank=prompt["rank"],
        prompt_bits=prompt["bits"],
        settings_bits=settings_bits,
        seeds=seeds,
        bits=None if seeds.bits is None else fixed_bits + seeds.bits,
        low=fixed_bits + seeds.low,
        high=None if seeds.high is None else fixed_bits + seeds.high,
        reference=None
        if reference_copies is None
        else estimate_seed_cost(
            _any_by_root(trials, reference_copies), "reference-seed-copies", is_whole=is_whole
        ),
        comparisons=_compare_with_codecs(case, trials, copies),
    )


def _find_blind_seeds(trials: pd.DataFrame) -> pd.DataFrame:
    """Trials without variations, each with the ``root``: the trial that first used its seed."""
    plain = trials[trials["variations"] == ""]
    parents = dict(zip(plain["trial"], plain["parent"], strict=True))

    def find_root(trial: str) -> str:
        while parents[trial]:
            trial = parents[trial]
        return trial

    return plain.assign(root=plain["trial"].map(find_root))


def _any_by_root(trials: pd.DataFrame, copies: pd.Series) -> pd.Series:
    """Whether each seed gave a copy, at whatever number of steps."""
    return copies.reindex(trials["trial"]).groupby(trials["root"].to_numpy()).any()


def _compare_with_codecs(
    case: CaseData, trials: pd.DataFrame, copies: pd.Series
) -> list[CodecComparison]:
    """How close the median copy of this prompt is, and what files need for that."""
    comparisons = []
    distances = distances_by_trial(case.scores).loc[trials["trial"]]
    hits = copies.loc[trials["trial"]]
    for name in case.coded_files["metric"].unique():
        metric = find_metric(case.scores, name)
        higher_is_closer = bool(metric["higher_is_closer"])
        typical = distances.loc[hits, name].median() if hits.any() else distances[name].min()
        score = score_of(float(typical), higher_is_closer)
        files = case.coded_files[case.coded_files["metric"] == name]
        comparisons.append(
            CodecComparison(
                metric=name,
                label=str(metric["label"]),
                higher_is_closer=higher_is_closer,
                basis="median-copy" if hits.any() else "closest-trial",
                score=score,
                files=find_smallest_files(files, score),
            )
        )
    return comparisons


def find_smallest_files(files: pd.DataFrame, score: float) -> list[CodedFile]:
    """For each codec, the smallest of ``files`` that is as close as ``score``.

    ``files`` is ``records.CODECS`` of one metric.
    """
    farthest = distance_of(score, bool(files["higher_is_closer"].iloc[0]))
    close = files[with_distance(files)["distance"] <= farthest]
    ordered = close.sort_values(["bytes", "reduction", "quality"])
    smallest = ordered.groupby("codec", sort=True).head(1)
    return [describe_file(row) for row in smallest.sort_values("codec").to_dict("records")]


def find_best_files(files: pd.DataFrame) -> list[CodedFile]:
    """For each codec, those of ``files`` that no smaller file is as close as.

    ``files`` is ``records.CODECS`` of one metric.
    """
    best = []
    for _, of_codec in with_distance(files).groupby("codec", sort=True):
        ordered = of_codec.sort_values("bytes")
        distance = ordered["distance"]
        is_best = distance < distance.cummin().shift(fill_value=float("inf"))
        best += [describe_file(row) for row in ordered[is_best].to_dict("records")]
    return best


def describe_file(row: dict[Any, Any]) -> CodedFile:
    """A row of CODECS as a document."""
    return CodedFile(
        codec=row["codec"],
        reduction=row["reduction"],
        quality=row["quality"],
        bytes=row["bytes"],
        score=row["score"],
    )
