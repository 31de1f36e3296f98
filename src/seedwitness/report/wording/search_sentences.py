"""Why a search ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from seedwitness.report.wording.numbers import format_percent


def word_no_copy(
    trials: int, prompts_tried: int, prompts: int, copy_rate: float, probability: float
) -> str:
    """What so many trials without a copy exclude."""
    return (
        f"No copy was among {trials:,} trials, of {prompts_tried} of {prompts:,} prompts: a copy "
        "rate "
        f"of {copy_rate:g} or more among such trials would have shown one with a probability of "
        f"{format_percent(probability)}."
    )


def _recipes_completed(trials: int) -> str:
    return f"All {trials:,} recipes were computed."


def _sweep_completed(
    first_seed: int,
    last_seed: int,
    seeds_per_prompt: int,
    prompts: int,
    nfe_left: int,
    budget_nfe: int,
) -> str:
    return (
        f"The budget was spent on seeds {first_seed:,} to {last_seed:,}, {seeds_per_prompt:,} for "
        "each "
        f"of {prompts:,} prompts in turn; {nfe_left:,} of {budget_nfe:,} NFE were left over."
    )


def _halving_completed(
    steps: Sequence[int], trials: Sequence[int], nfe_left: int, budget_nfe: int
) -> str:
    stages = ", ".join(f"{n} with {count}" for n, count in zip(trials, steps, strict=True))
    return (
        f"The budget was spent on pairs of prompt and seed, by sampling steps: {stages}. The "
        f"closest of each stage went on to the next. {nfe_left:,} of {budget_nfe:,} NFE were left "
        "over."
    )


def _variations_completed(trials: int, variations: int) -> str:
    return f"The budget was spent on {trials:,} trials; {variations:,} of them are variations."


def _rarity_estimated(
    near: float,
    probability: float,
    low: float,
    high: float,
    levels: int,
    trials_per_level: int,
    trials_left: int,
) -> str:
    share = f"{probability:.2g}" if probability else "0, because none came that near"
    return (
        f"A blind seed comes within {near:g} with a probability of {share} (95 % interval "
        f"{low:.2g} to {high:.2g}): {levels} levels of {trials_per_level:,} trials, and a budget "
        f"for {trials_left:,} trials was left over."
    )


def _copies_reached(copies: int, trials: int, last_trial: str) -> str:
    return (
        f"{copies:,} of {trials:,} trials are copies, the number that search.stop.copies sets; the "
        f"last is trial {last_trial}."
    )


SEARCH: dict[str, Callable[..., str]] = {
    "recipes-completed": _recipes_completed,
    "sweep-completed": _sweep_completed,
    "halving-completed": _halving_completed,
    "variations-completed": _variations_completed,
    "rarity-estimated": _rarity_estimated,
    "copies-reached": _copies_reached,
    "no-copy-in-trials": word_no_copy,
}
