"""``seedwitness plan``: computes how many seeds and controls a study needs, and their cost."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from seedwitness.commands.speed import find_speed
from seedwitness.config.params import Params, load_params
from seedwitness.config.steps import SearchSettings
from seedwitness.config.targets import list_targets
from seedwitness.config.verdicts import DRAW_BLOCK, DRAW_UNTIL_DECIDED
from seedwitness.errors import ConfigError
from seedwitness.imaging.image_folder import read_entries
from seedwitness.records.recipe import count_nfe
from seedwitness.records.search import BLIND_STRATEGY
from seedwitness.statistics import power_analysis
from seedwitness.statistics.finding_power import Design, simulate_findings
from seedwitness.statistics.ranks import bound_error_rate

RUNS = 400
"""Simulated targets: the power is known to 2 percentage points or better."""
REFERENCE_SEEDS = 4
"""Seeds a prompt that a control runs on the reference, where the settings leave it open."""


@dataclass(frozen=True)
class CheckpointCost:
    """What one checkpoint computes, and how long that takes; None where nothing was measured."""

    checkpoint: str
    nfe: int
    seconds_a_nfe: float | None
    measured: str
    hours: float | None
    money: float | None


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
    conditional_alpha: float
    """The error rate of a case with one set of controls, at most at 95 % confidence."""
    seeds: int
    prompts: int
    reference_trials: int
    """First trials of each control that run on the reference."""
    found: float
    """Simulated probability of a finding, where one prompt gives copies at ``rate``."""
    found_unseen: float
    """Simulated share of unseen targets whose rank alone is p ≤ α, over all cases."""
    controls_drawn: float
    """The mean number of controls for an unseen target, where they are drawn until decided."""
    nfe_a_trial: int
    budget_nfe: int
    """For one case, and for one control."""
    nfe: int
    """In total: searches, replays on the reference checkpoint, controls of each checkpoint, and
    learned images."""
    nfe_unseen: int
    """In total where no target was learned and controls are drawn until decided."""
    checkpoints: list[CheckpointCost]


def make_plan(
    alpha: float,
    power: float,
    rate: float,
    controls: int | None = None,
    price: float | None = None,
    refused: float = 0.0,
) -> SamplePlan:
    """Compute sample sizes for all targets, or one if there is none yet, as params.yaml searches.

    ``power`` is that of a finding by the whole rule: rank, copy, gain over the reference, and Holm;
    ``refused`` is the share of targets that are refused, being flat for example. ``controls`` asks
    for more than the fewest. ``price`` is that of an hour of the machine. Raises ConfigError if an
    argument is not between 0 and 1, if no number of seeds gives the power, if the controls are too
    few, or if the search does not spend its whole budget on blind seeds, because only these count.
    """
    for name, value in (("alpha", alpha), ("power", power), ("rate", rate)):
        if not 0 < value < 1:
            raise ConfigError(f"--{name} must be between 0 and 1, such as 0.05, and not {value:g}.")
    params = load_params()
    search = params.search
    targets = max(1, len(list_targets()))
    tested_checkpoints = max(1, len(params.checkpoints) - 1)  # without the reference
    cases = targets * tested_checkpoints
    fewest = power_analysis.count_controls_needed(alpha, cases)
    wanted = fewest if controls is None else controls
    if wanted < fewest:
        raise ConfigError(f"--controls {wanted}: {cases} cases at {alpha:g} need {fewest} or more.")
    # Both are equal up to the last bit; the larger keeps the smallest possible p below alpha.
    share = max(alpha / targets, 1 / (fewest + 1) * tested_checkpoints)
    folder = params.controls.path
    seeds, design, found = _size_search(
        search, params, (share, tested_checkpoints, wanted), (power, rate, refused)
    )
    _require_blind_seeds(search, seeds)
    unseen = simulate_findings(design, 0.0, RUNS, seed=2)
    nfe_a_trial = count_nfe(search.steps, search.guidance, search.sampler)
    budget = seeds * search.prompts * nfe_a_trial
    costs = _count_costs(params, targets, budget, design, float(wanted), price)
    drawn = min(unseen.controls_drawn + DRAW_BLOCK / 2, wanted)  # a block is drawn whole
    early = _count_costs(params, targets, budget, design, drawn, price)
    return SamplePlan(
        alpha=alpha,
        alpha_a_report=share,
        power=power,
        rate=rate,
        cases=cases,
        controls=wanted,
        controls_there=len(read_entries(folder, "controls.path")) if folder.is_dir() else None,
        conditional_alpha=bound_error_rate(wanted, alpha / cases),
        seeds=seeds,
        prompts=search.prompts,
        reference_trials=design.reference_trials,
        found=found,
        found_unseen=unseen.ranked * cases,
        controls_drawn=drawn,
        nfe_a_trial=nfe_a_trial,
        budget_nfe=budget,
        nfe=sum(each.nfe for each in costs),
        nfe_unseen=sum(each.nfe for each in early),
        checkpoints=costs,
    )


def _size_search(
    search: SearchSettings,
    params: Params,
    level: tuple[float, int, int],
    goal: tuple[float, float, float],
) -> tuple[int, Design, float]:
    """Seeds for each prompt, the design, and the simulated probability of a finding.

    ``level`` is α of a report, its cases and the controls; ``goal`` is power, rate and the share of
    refused targets. A finding needs a copy, and then that nothing else withholds it: the second is
    simulated on targets that all have a copy.
    """
    alpha, cases, controls = level
    power, rate, refused = goal

    def make_design(seeds: int) -> Design:
        trials = seeds * search.prompts
        asked = params.controls.reference_trials or REFERENCE_SEEDS * search.prompts
        return Design(trials, min(trials, asked), controls, alpha, cases, refused=refused)

    seeds = power_analysis.count_seeds_needed(rate, power)
    passed = simulate_findings(make_design(seeds), 1.0, RUNS, seed=1).supported
    if power >= passed:
        raise ConfigError(
            f"--power {power:g} is out of reach: of simulated targets that have a copy, "
            f"{100 * passed:.3g} % are found. The others are refused, or as easy on the reference. "
            "Ask for less power, or use more controls: `--controls`."
        )
    seeds = power_analysis.count_seeds_needed(rate, power / passed)
    return seeds, make_design(seeds), (1 - (1 - rate) ** seeds) * passed


def _count_costs(
    params: Params,
    targets: int,
    budget: int,
    design: Design,
    controls: float,
    price: float | None,
) -> list[CheckpointCost]:
    """The cost of each checkpoint: cases, replays, controls, and images known to be learned.

    Trials for the rate go to the targets and to their replays, and to no control.
    """
    tested = [name for name in params.checkpoints if name != params.judge.reference]
    tested = tested or list(params.checkpoints)
    case = budget + params.search.rate_nfe
    learned = params.controls.learned
    a_trial = budget // design.trials
    costs = []
    for name in params.checkpoints:
        nfe = targets * case
        if learned and name in learned.folders:
            nfe += learned.count * budget
        if name in tested:
            nfe += round(controls * budget)
        if name == params.judge.reference:
            nfe += len(tested) * targets * case  # replays
            nfe += design.controls * design.reference_trials * a_trial
        speed = find_speed(name)
        hours = nfe * speed[0] / 3600 if speed else None
        costs.append(
            CheckpointCost(
                checkpoint=name,
                nfe=nfe,
                seconds_a_nfe=speed[0] if speed else None,
                measured=speed[1]
                if speed
                else f"not measured: run `seedwitness plan --measure {name}`, about a minute",
                hours=hours,
                money=None if price is None or hours is None else price * hours,
            )
        )
    return costs


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
        f"Error rate: {100 * plan.alpha:g} % over all cases, as a mean over sets of controls; with "
        f"one set of {plan.controls:,}, at most {100 * plan.conditional_alpha:.2g} % a case, at "
        "95 % confidence.",
        f"Seeds: {plan.seeds:,} for each of {plan.prompts} prompts, so that a target with a copy "
        f"rate of {plan.rate:g} under one of them is supported with a probability of "
        f"{100 * plan.found:.3g} % (simulated: rank, copy, gain over the reference, Holm).",
        f"Cost: {plan.budget_nfe:,} NFE a case and as many a control; {plan.nfe:,} NFE in all. "
        f"Where no target was learned and controls.draw_by is {DRAW_UNTIL_DECIDED}, about "
        f"{plan.controls_drawn:.0f} controls are drawn, and it is {plan.nfe_unseen:,}.",
        *map(_format_cost, plan.checkpoints),
        f"seedwitness run search.budget_nfe={plan.budget_nfe} controls.count={plan.controls} "
        f"controls.reference_trials={plan.reference_trials} controls.draw_by={DRAW_UNTIL_DECIDED} "
        f"judge.min_controls={plan.controls} judge.alpha={plan.alpha_a_report!r}",
    ]


def _format_cost(cost: CheckpointCost) -> str:
    line = f"  {cost.checkpoint}: {cost.nfe:,} NFE, "
    if cost.hours is None or cost.seconds_a_nfe is None:
        return line + cost.measured
    line += f"about {cost.hours:.1f} hours at {1000 * cost.seconds_a_nfe:.3g} ms ({cost.measured})"
    return line if cost.money is None else f"{line}, {cost.money:,.2f} by the given price"


def format_json(plan: SamplePlan) -> str:
    """The plan as a JSON object."""
    return json.dumps(asdict(plan), indent=1)
