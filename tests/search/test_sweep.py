import pytest

from seedwitness.config.steps import SearchSettings
from seedwitness.errors import ConfigError
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.reasons import Reason
from seedwitness.records.recipe import Recipe
from seedwitness.search.strategy import StrategyInput, make_strategy_input
from seedwitness.search.sweep import sweep

SEARCH = {
    "strategy": {"name": "sweep", "first_seed": 5},
    "budget_nfe": 100,
    "prompts": 2,
    "sampler": "euler",
    "steps": 8,
    "guidance": 3.0,
}
TINY = CheckpointIdentity(
    name="tiny",
    family="diffusers",
    sha256="0" * 64,
    components=[],
    latent_channels=4,
    latent_scale=8,
    width=64,
    height=48,
    prompt_limit=77,
    prediction_type="epsilon",
    dtype="float16",
)


def planned(*prompts: str, **changes: object) -> StrategyInput:
    return make_strategy_input(prompts, SearchSettings.model_validate({**SEARCH, **changes}), TINY)


def swept(planned: StrategyInput) -> tuple[list[Recipe], Reason]:
    strategy = sweep(planned)
    recipes = next(strategy)
    with pytest.raises(StopIteration) as end:
        strategy.send({recipe.id: 0.0 for recipe in recipes})
    return recipes, end.value.value


def test_the_budget_is_shared_equally_and_seeds_are_in_order() -> None:
    recipes, end_reason = swept(planned("a", "b"))
    assert [(each.prompt, each.seed) for each in recipes] == [
        ("a", 5),
        ("b", 6),
        ("a", 7),
        ("b", 8),
        ("a", 9),
        ("b", 10),
    ]
    assert sum(each.nfe for each in recipes) == 96
    assert end_reason == Reason(
        code="sweep-completed",
        values={
            "first_seed": 5,
            "last_seed": 10,
            "seeds_per_prompt": 3,
            "prompts": 2,
            "nfe_left": 4,
            "budget_nfe": 100,
        },
    )


def test_without_guidance_a_trial_costs_half() -> None:
    assert len(swept(planned("a", "b", guidance=1.0))[0]) == 12


def test_a_recipe_is_the_settings_and_what_they_leave_to_the_checkpoint() -> None:
    recipe = swept(planned("a", width=128, negative_prompt="blurred"))[0][0]
    assert (recipe.width, recipe.height, recipe.dtype) == (128, 48, "float16")
    assert (recipe.sampler, recipe.steps, recipe.guidance) == ("euler", 8, 3.0)
    assert (recipe.negative_prompt, recipe.rng, recipe.eta) == ("blurred", "torch-cpu", 0.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget_nfe": 31}, "one seed for each of 2 prompts takes 32"),
        ({"strategy": {"name": "sweep", "first_seed": 2**32 - 5}}, r"pass 2\^32"),
    ],
)
def test_a_budget_or_seeds_out_of_range_are_refused(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        next(sweep(planned("a", "b", **changes)))
