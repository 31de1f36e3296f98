"""How often each prompt of a case brought the target back, here and on the reference."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from seedwitness.report import figures
from seedwitness.report.case_copies import find_copies
from seedwitness.report.prompt_evidence import Match, Prompt, PromptOrigin, SearchedPrompt
from seedwitness.report.sources import CaseSource
from seedwitness.statistics.distances import score_of, with_distance

ORIGINS: dict[str, PromptOrigin] = {"metadata": "claimed-by-file", "user": "stated-by-user"}


def list_searched_prompts(
    source: CaseSource, metric: str, prompts: Sequence[Prompt], matches: Sequence[Match]
) -> list[SearchedPrompt]:
    """One entry a prompt, with its trials, its copies, and the same on the reference."""
    higher_is_closer = figures.is_higher_closer(source, metric)
    scores = with_distance(source.scores[source.scores["metric"] == metric])
    copies = find_copies(source, source.scores, of_target=True)
    reference = find_copies(source, source.reference_scores)
    results = []
    for prompt in prompts:
        trials = source.trials.loc[source.trials["prompt_rank"] == prompt.rank, "trial"]
        replayed = [trial for trial in trials if trial in reference]
        distances = scores.loc[scores["trial"].isin(trials), "distance"]
        results.append(
            SearchedPrompt(
                prompt=prompt,
                origin=find_origin(prompt, matches),
                trials=len(trials),
                copies=_count(copies, trials),
                reference_trials=len(replayed),
                reference_copies=_count(reference, replayed),
                closest=None
                if distances.empty
                else score_of(float(distances.min()), higher_is_closer),
            )
        )
    return results


def find_origin(prompt: Prompt, matches: Sequence[Match]) -> PromptOrigin:
    """Where a prompt comes from; a caption of the corpus may stand beside the target's picture."""
    if prompt.source == "corpus":
        own = {" ".join(match.caption.split()) for match in matches if match.is_target}
        is_own = " ".join(prompt.text.split()) in own
        return "caption-of-target" if is_own else "caption-of-other-picture"
    return ORIGINS.get(prompt.source, "recovered-from-pixels")


def _count(copies: dict[str, bool], trials: Collection[str] | pd.Series) -> int:
    return sum(copies.get(trial, False) for trial in trials)
