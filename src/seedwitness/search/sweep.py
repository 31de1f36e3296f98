"""The plainest strategy: every candidate gets the same seeds, in order, until the budget is spent.

What it finds is a fair sample of what the checkpoint gives for each prompt, so that rates and
ranks among controls mean what they say.
"""

from __future__ import annotations

from seedwitness.errors import ConfigError
from seedwitness.search.strategy import Asking, Plan
from seedwitness.seeds.torch_cpu import SEEDS


def sweep(plan: Plan) -> Asking:
    """Seeds from ``first_seed`` on for each prompt, the budget shared equally among the prompts.

    Raises ConfigError where the budget gives no prompt a seed, or the seeds pass 2^32.
    """
    cost = plan.recipe(plan.prompts[0], plan.first_seed).nfe
    seeds = plan.budget_nfe // (cost * len(plan.prompts))
    if not seeds:
        raise ConfigError(
            f"A budget of {plan.budget_nfe} NFE is too small: one seed for each of "
            f"{len(plan.prompts)} prompts takes {cost * len(plan.prompts)}. Raise "
            "`search.budget_nfe`, or lower `search.prompts` or `search.steps`."
        )
    last = plan.first_seed + seeds - 1
    if last >= SEEDS:
        raise ConfigError(
            f"Seeds from {plan.first_seed} to {last} pass 2^32, from where on they repeat: lower "
            "`search.strategy.first_seed` or `search.budget_nfe`."
        )
    yield [
        plan.recipe(prompt, seed)
        for prompt in plan.prompts
        for seed in range(plan.first_seed, last + 1)
    ]
    left = plan.budget_nfe - seeds * cost * len(plan.prompts)
    return (
        f"budget spent: seeds {plan.first_seed} to {last} for each of {len(plan.prompts)} prompts, "
        f"{left} of {plan.budget_nfe} NFE left over"
    )
