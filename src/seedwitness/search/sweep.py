"""Blind sweep: seeds in order, the prompt candidates in turn, until the budget is spent.

No seed is tried twice, because a seed that brings an image back mostly does so under any wording
of the prompt. The trials are a fair sample of the checkpoint's outputs for each prompt, so copy
rates and ranks among controls are valid.
"""

from __future__ import annotations

from seedwitness.errors import ConfigError
from seedwitness.records.reasons import Reason
from seedwitness.search.strategy import StrategyGenerator, StrategyInput, require_seeds


def sweep(plan: StrategyInput) -> StrategyGenerator:
    """Try seeds from ``first_seed`` on, each under one prompt; all prompts get equally many.

    Raises ConfigError if the budget is less than one seed for each prompt, or if the seeds pass
    2^32.
    """
    prompts = plan.prompts
    cost = plan.make_recipe(prompts[0], plan.first_seed).nfe
    seeds_per_prompt = plan.budget_nfe // (cost * len(prompts))
    if not seeds_per_prompt:
        raise ConfigError(
            f"A budget of {plan.budget_nfe} NFE is too small: one seed for each of "
            f"{len(prompts)} prompts takes {cost * len(prompts)}. Raise "
            "`search.budget_nfe`, or lower `search.prompts` or `search.steps`."
        )
    trials = seeds_per_prompt * len(prompts)
    require_seeds(plan.first_seed, trials)
    yield [plan.make_recipe(prompts[n % len(prompts)], plan.first_seed + n) for n in range(trials)]
    return Reason(
        code="sweep-completed",
        values={
            "first_seed": plan.first_seed,
            "last_seed": plan.first_seed + trials - 1,
            "seeds_per_prompt": seeds_per_prompt,
            "prompts": len(prompts),
            "nfe_left": plan.budget_nfe - trials * cost,
            "budget_nfe": plan.budget_nfe,
        },
    )
