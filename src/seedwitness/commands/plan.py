"""``seedwitness plan``: how many seeds and controls a wanted answer needs, and what that costs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from seedwitness.config.params import load_params
from seedwitness.config.steps import SearchSettings
from seedwitness.errors import ConfigError
from seedwitness.imaging.image_folder import read_entries
from seedwitness.records.document import read_document
from seedwitness.records.recipe import count_nfe
from seedwitness.records.search import BLIND_STRATEGY, SearchSummary
from seedwitness.records.timing import SearchTiming
from seedwitness.stages import DATA
from seedwitness.statistics import power_analysis


@dataclass(frozen=True)
class SamplePlan:
    """What is wanted, what it needs, and what that costs; NFE are evaluations of the denoiser."""

    alpha: float
    alpha_a_report: float
    """Bonferroni's share of each target; within its report Holm divides it among checkpoints."""
    power: float
    rate: float
    cases: int
    controls: int
    controls_there: int | None
    """Pictures in the folder of controls; None where it is not there yet."""
    seeds: int
    prompts: int
    nfe_a_trial: int
    budget_nfe: int
    """Of one case, and of one control."""
    nfe: int
    """Of all: searches, their replays on the reference checkpoint, controls of each checkpoint, and
    pictures known to be learned."""
    seconds_a_nfe: float | None
    """The median of the searches here; None where there was none."""


def make_plan(alpha: float, power: float, rate: float) -> SamplePlan:
    """Sizes for every case of params.yaml, under its search settings.

    Raises ConfigError for a share that is none, and where a search does not spend its budget on
    blind seeds alone, of which seeds are counted here.
    """
    for name, value in (("alpha", alpha), ("power", power), ("rate", rate)):
        if not 0 < value < 1:
            raise ConfigError(f"--{name} is a share between 0 and 1, such as 0.05, not {value:g}.")
    params = load_params()
    search = params.search
    examined = max(1, len(params.checkpoints) - 1)  # the reference makes no claim
    cases = len(params.targets) * examined
    controls, there = power_analysis.count_controls_needed(alpha, cases), params.controls.path
    seeds = power_analysis.count_seeds_needed(rate, power)
    _require_blind(search, seeds)
    nfe_a_trial = count_nfe(search.steps, search.guidance)
    known = params.controls.learned
    learned = known.count * len(known.folders) if known else 0
    budget = seeds * search.prompts * nfe_a_trial
    searched = len(params.targets) * len(params.checkpoints)
    return SamplePlan(
        alpha=alpha,
        # Equal, but for the last bit, by which no p that can be reached is to fail.
        alpha_a_report=max(alpha / len(params.targets), 1 / (controls + 1) * examined),
        power=power,
        rate=rate,
        cases=cases,
        controls=controls,
        controls_there=len(read_entries(there)) if there.is_dir() else None,
        seeds=seeds,
        prompts=search.prompts,
        nfe_a_trial=nfe_a_trial,
        budget_nfe=budget,
        nfe=budget * (searched + cases + controls * len(params.checkpoints) + learned),
        seconds_a_nfe=_seconds_a_nfe(DATA),
    )


def _require_blind(search: SearchSettings, seeds: int) -> None:
    """Raise ConfigError where a search draws fewer than so many blind seeds a prompt."""
    other, enough = "", seeds * search.prompts
    if search.strategy.name != BLIND_STRATEGY:
        other = f"search.strategy is {search.strategy.name}, which chooses its later trials"
    elif search.preselection:
        other = "search.preselection spends a part of the budget on its detector"
    elif (
        search.stop.rate
        and (given := power_analysis.count_seeds_needed(search.stop.rate, 0.95)) < enough
    ):
        other = f"search.stop.rate gives up after {given:,} trials without a copy, of {enough:,}"
    if other:
        raise ConfigError(
            f"{other}, and `seedwitness plan` counts blind seeds. Plan with a sweep: "
            "`seedwitness compose search=quick`."
        )


def format_lines(found: SamplePlan) -> list[str]:
    """The plan in lines to print, the last one the command that follows it."""
    cost = f"{found.nfe:,} NFE in all searches"
    if found.seconds_a_nfe is not None:
        hours = found.nfe * found.seconds_a_nfe / 3600
        cost += f", about {hours:.1f} hours at the {1000 * found.seconds_a_nfe:.3g} ms an NFE of "
        cost += "the searches here"
    there = found.controls_there
    short = 0 if there is None else found.controls - there
    lacking = (
        f" {there:,} are there: bring {short:,} more, or examine fewer targets or checkpoints."
        if short > 0
        else ""
    )
    return [
        f"Controls: {found.controls:,}, so that p can fall to {found.alpha:g} / {found.cases}, the "
        f"share of each of {found.cases} cases (Bonferroni over targets, Holm within a report; the "
        f"reference checkpoint makes no claim).{lacking}",
        f"Seeds: {found.seeds:,} for each of {found.prompts} prompts, so that a prompt that brings "
        f"the target back at a rate of {found.rate:g} shows a copy with a chance of "
        f"{100 * found.power:g} %.",
        f"Cost: {found.budget_nfe:,} NFE a case and as many a control; {cost}.",
        f"seedwitness run search.budget_nfe={found.budget_nfe} controls.count={found.controls} "
        f"judge.min_controls={found.controls} judge.alpha={found.alpha_a_report!r}",
    ]


def as_json(found: SamplePlan) -> str:
    """The plan as a JSON object."""
    return json.dumps(asdict(found), indent=1)


def _seconds_a_nfe(data: Path) -> float | None:
    """The median of the searches that took nothing from the cache; None where there is none."""
    rates = []
    for path in sorted((data / "timings").glob("*/*/timing.json")):
        timing = read_document(SearchTiming, path)
        case = path.parent.relative_to(data / "timings")
        summary = data / "search" / case / "search.json"
        if timing.shards_cached == 0 and summary.exists():
            rates.append(timing.seconds / read_document(SearchSummary, summary).nfe)
    return median(rates) if rates else None
