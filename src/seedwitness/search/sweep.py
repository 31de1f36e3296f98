"""The plainest strategy: seeds in order, the candidates in turn, until the budget is spent.

No seed is tried twice: where it brings a picture back, it mostly does so under any wording of the
prompt. What is found is a fair sample of what the checkpoint gives for each prompt, so that rates
and ranks among controls mean what they say.
"""

from __future__ import annotations

from seedwitness.errors import ConfigError
from seedwitness.search.strategy import StrategyGenerator, StrategyInput, require_seeds


def sweep(plan: StrategyInput) -> StrategyGenerator:
    """Seeds from ``first_seed`` on, each under one prompt, as many for one prompt as for another.

    Raises ConfigError where the budget gives no prompt a seed, or the seeds pass 2^32.
    """
    prompts = plan.prompts
    cost = plan.recipe(prompts[0], plan.first_seed).nfe
    each = plan.budget_nfe // (cost * len(prompts))
    if not each:
        raise ConfigError(
            f"A budget of {plan.budget_nfe} NFE is too small: one seed for each of "
            f"{len(prompts)} prompts takes {cost * len(prompts)}. Raise "
            "`search.budget_nfe`, or lower `search.prompts` or `search.steps`."
        )
    trials = each * len(prompts)
    last = plan.first_seed + trials - 1
    require_seeds(plan.first_seed, trials)
    yield [plan.recipe(prompts[n % len(prompts)], plan.first_seed + n) for n in range(trials)]
    left = plan.budget_nfe - trials * cost
    return (
        f"budget spent: seeds {plan.first_seed} to {last}, {each} for each of {len(prompts)} "
        f"prompts in turn, {left} of {plan.budget_nfe} NFE left over"
    )
