"""``seedwitness plan``: computes how many seeds and controls a study needs, and their cost."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from seedwitness.config.params import load_params
from seedwitness.config.steps import SearchSettings
from seedwitness.config.targets import list_targets
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
    """The goals of a study, the sample sizes it needs, and its cost in NFE."""

    alpha: float
    alpha_a_report: float
    """The share of each target by Bonferroni; within a report Holm divides it among checkpoints."""
    power: float
    rate: float
    cases: int
    controls: int
    controls_there: int | None
    """Images in the folder of controls; None if it does not exist yet."""
    seeds: int
    prompts: int
    nfe_a_trial: int
    budget_nfe: int
    """For one case, and for one control."""
    nfe: int
    """In total: searches, replays on the reference checkpoint, controls of each checkpoint, and
    learned images."""
    seconds_a_nfe: float | None
    """The median of the searches of this project; None if there are none."""


def make_plan(alpha: float, power: float, rate: float) -> SamplePlan:
    """Compute sample sizes for all targets, or one if there is none yet, as params.yaml searches.

    Raises ConfigError if an argument is not between 0 and 1, or if the search does not spend its
    whole budget on blind seeds, because only these are counted.
    """
    for name, value in (("alpha", alpha), ("power", power), ("rate", rate)):
        if not 0 < value < 1:
            raise ConfigError(f"--{name} must be between 0 and 1, such as 0.05, and not {value:g}.")
    params = load_params()
    search = params.search
    targets = max(1, len(list_targets()))
    tested_checkpoints = max(1, len(params.checkpoints) - 1)  # without the reference
    cases = targets * tested_checkpoints
    controls = power_analysis.count_controls_needed(alpha, cases)
    controls_folder = params.controls.path
    seeds = power_analysis.count_seeds_needed(rate, power)
    _require_blind_seeds(search, seeds)
    nfe_a_trial = count_nfe(search.steps, search.guidance)
    learned = params.controls.learned
    learned_images = learned.count * len(learned.folders) if learned else 0
    budget = seeds * search.prompts * nfe_a_trial
    searches = targets * len(params.checkpoints)
    return SamplePlan(
        alpha=alpha,
        # Both are equal up to the last bit; the larger keeps the smallest possible p below alpha.
        alpha_a_report=max(alpha / targets, 1 / (controls + 1) * tested_checkpoints),
        power=power,
        rate=rate,
        cases=cases,
        controls=controls,
        controls_there=len(read_entries(controls_folder, "controls.path"))
        if controls_folder.is_dir()
        else None,
        seeds=seeds,
        prompts=search.prompts,
        nfe_a_trial=nfe_a_trial,
        budget_nfe=budget,
        nfe=budget * (searches + cases + controls * len(params.checkpoints) + learned_images),
        seconds_a_nfe=_measure_seconds_per_nfe(DATA),
    )


def _require_blind_seeds(search: SearchSettings, seeds: int) -> None:
    """Raise ConfigError if a search would try fewer than ``seeds`` blind seeds for each prompt."""
    reason, trials = "", seeds * search.prompts
    if search.strategy.name != BLIND_STRATEGY:
        reason = f"search.strategy is {search.strategy.name}, which chooses its later trials"
    elif search.preselection:
        reason = "search.preselection spends a part of the budget on its detector"
    elif search.refinement:
        reason = "search.refinement spends a part of the budget on prompts"
    elif (
        search.stop.rate
        and (limit := power_analysis.count_seeds_needed(search.stop.rate, 0.95)) < trials
    ):
        reason = f"search.stop.rate ends after {limit:,} trials without a copy, of {trials:,}"
    if reason:
        raise ConfigError(
            f"{reason}, and `seedwitness plan` counts blind seeds only. Plan with a sweep: "
            "`seedwitness compose search=quick`."
        )


def format_lines(plan: SamplePlan) -> list[str]:
    """The plan as lines to print; the last one is the command that runs it."""
    cost = f"{plan.nfe:,} NFE in all searches"
    if plan.seconds_a_nfe is not None:
        hours = plan.nfe * plan.seconds_a_nfe / 3600
        cost += f", about {hours:.1f} hours at the {1000 * plan.seconds_a_nfe:.3g} ms an NFE of "
        cost += "the searches of this project"
    existing = plan.controls_there
    missing = 0 if existing is None else plan.controls - existing
    hint = (
        f" {existing:,} exist: add {missing:,} more, or examine fewer targets or checkpoints."
        if missing > 0
        else ""
    )
    return [
        f"Controls: {plan.controls:,}, so that p can fall to {plan.alpha:g} / {plan.cases}, the "
        f"share of each of {plan.cases} cases (Bonferroni over targets, Holm within a report; the "
        f"reference checkpoint makes no claim).{hint}",
        f"Seeds: {plan.seeds:,} for each of {plan.prompts} prompts, so that a prompt with a copy "
        f"rate of {plan.rate:g} shows a copy with a probability of {100 * plan.power:g} %.",
        f"Cost: {plan.budget_nfe:,} NFE a case and as many a control; {cost}.",
        f"seedwitness run search.budget_nfe={plan.budget_nfe} controls.count={plan.controls} "
        f"judge.min_controls={plan.controls} judge.alpha={plan.alpha_a_report!r}",
    ]


def format_json(plan: SamplePlan) -> str:
    """The plan as a JSON object."""
    return json.dumps(asdict(plan), indent=1)


def _measure_seconds_per_nfe(data: Path) -> float | None:
    """The median of the searches that used no cached latents; None if there are none."""
    rates = []
    for path in sorted((data / "timings").glob("*/*/timing.json")):
        timing = read_document(SearchTiming, path)
        case = path.parent.relative_to(data / "timings")
        summary = data / "search" / case / "search.json"
        if timing.shards_cached == 0 and summary.exists():
            rates.append(timing.seconds / read_document(SearchSummary, summary).nfe)
    return median(rates) if rates else None
