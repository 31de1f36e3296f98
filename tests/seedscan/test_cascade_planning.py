"""The plan of a cascade: which elements its stages take, and what it misses."""

import numpy as np
import pytest
import torch
from scipy import stats

from seedwitness.errors import ConfigError
from seedwitness.seeds import RNG_ALGORITHMS, draw_sequence
from seedwitness.seedscan.cascade import KERNELS, CascadePlan, CascadeStage
from seedwitness.seedscan.cascade_planning import LAST_THRESHOLD, MISS_PROBABILITIES, plan_cascade
from seedwitness.seedscan.mt19937_kernels import EARLY_WORDS

RNG_NAMES = ["torch-cpu", "torch-cpu-float16", "torch-cpu-bfloat16", "philox-nv"]
WEIGHTS = np.random.default_rng(1).standard_normal((1, 1024))
SEEDS = np.arange(2**31 - 20, 2**31 + 20).astype(np.uint32)


def score(plan: CascadePlan, stage: CascadeStage) -> np.ndarray:
    """The kernel's scores of one stage for all SEEDS: [seeds, q]."""
    count = len(SEEDS) * len(plan.weights)
    weights = plan.select_weights(stage.elements)
    scores = np.empty(count, np.float32)
    found = KERNELS[plan.rng](
        SEEDS,
        plan.number_elements(stage),
        weights,
        -1e9,
        np.empty(count, np.uint32),
        np.empty(count, np.uint32),
        scores,
    )
    assert found == count
    return scores.reshape(len(SEEDS), -1)


@pytest.mark.parametrize("rng", RNG_NAMES)
@pytest.mark.parametrize("min_z", [7.0, 10.0, 15.0, 30.0])
def test_a_plan_rarely_misses_its_z(rng: str, min_z: float) -> None:
    plan = plan_cascade(WEIGHTS, rng, min_z)
    last = stats.norm.cdf(LAST_THRESHOLD - min_z)  # the score of all elements
    assert plan.compute_miss_probability(min_z / 32)[0] <= sum(MISS_PROBABILITIES) + last + 1e-9
    assert plan.compute_miss_probability(min(0.99, 2 * min_z / 32))[0] < 1e-3
    assert plan.compute_detectable_correlation(6.5) <= max(min_z, 6.5) / 32 + 0.06


def test_no_threshold_exceeds_that_of_the_last_stage() -> None:
    """Otherwise seeds below the plan's z would be missed without saving anything."""
    stages = plan_cascade(WEIGHTS, "torch-cpu", 29.0).stages
    assert max(stage.threshold for stage in stages) <= LAST_THRESHOLD


@pytest.mark.parametrize("rng", ["torch-cpu", "philox-nv"])
def test_a_smaller_z_needs_more_elements(rng: str) -> None:
    firsts = [
        len(plan_cascade(WEIGHTS, rng, min_z).stages[0].elements) for min_z in (28.0, 14.0, 9.0)
    ]
    assert firsts == sorted(firsts)
    assert firsts[0] < firsts[-1]


@pytest.mark.parametrize("rng", RNG_NAMES)
def test_a_stage_takes_the_elements_of_the_largest_weights(rng: str) -> None:
    weights = np.full(1024, 0.01)
    weights[100:116] = 1.0
    weights[900] = 3.0  # late: costly for mt19937 alone
    first, *_, last = plan_cascade(weights[None], rng, 12.0).stages
    if rng == "philox-nv":
        assert {900, *range(104, 108)} <= set(first.elements) | set(last.elements)
    else:
        assert max(first.elements) < EARLY_WORDS
        assert {100, 108} <= set(first.elements)
    assert 900 in last.elements


@pytest.mark.parametrize("rng", RNG_NAMES)
@pytest.mark.parametrize(("first", "count"), [(0, 1), (2, 1), (0, 4), (1, 3)])
def test_stages_score_the_draws_of_a_generator(rng: str, first: int, count: int) -> None:
    shape = (4, 16, 16)
    weights = np.random.default_rng(2).standard_normal((2, 1024 * count)) ** 3
    plan = plan_cascade(weights, rng, 9.0, draw_size=1024, first_draw=first)
    for stage in plan.stages:
        scores = score(plan, stage)
        for seed, row in zip(SEEDS[::9], scores[::9], strict=True):
            noise = draw_sequence(rng, int(seed), first, count, shape).flatten().numpy()
            expected = plan.select_weights(stage.elements) @ noise[list(stage.elements)]
            assert row == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("rng", ["torch-cpu", "philox-nv"])
@pytest.mark.parametrize("count", [41, 1000, 1023])
def test_sizes_that_16_does_not_divide_are_scored(rng: str, count: int) -> None:
    """torch draws the last 16 elements of such a size once more."""
    plan = plan_cascade(np.random.default_rng(3).standard_normal((1, count)), rng, 5.0)
    last = plan.stages[-1]
    assert max(last.elements) >= count - 16
    for seed, row in zip(SEEDS, score(plan, last), strict=True):
        noise = RNG_ALGORITHMS[rng](int(seed), 0, (count,), torch.float32).numpy()
        expected = plan.select_weights(last.elements) @ noise[list(last.elements)]
        assert row == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("weights", "rng", "message"),
    [
        (
            np.ones(1024),
            "torch-cuda",
            "Known are: philox-nv, torch-cpu, torch-cpu-bfloat16, torch-cpu-float16",
        ),
        (np.zeros(1024), "torch-cpu", "no noise is left in the picture"),
        (np.full(1024, np.nan), "torch-cpu", "finite"),
        (np.ones(8), "torch-cpu", "at least 16"),
    ],
)
def test_what_cannot_be_scanned_is_refused(weights: np.ndarray, rng: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan_cascade(weights[None], rng, 9.0)


def test_later_draws_of_an_odd_size_are_refused() -> None:
    plan_cascade(np.ones((1, 1000)), "philox-nv", 9.0, first_draw=1)
    with pytest.raises(ConfigError, match="16 divides the number of elements, not with 1000"):
        plan_cascade(np.ones((1, 1000)), "torch-cpu", 9.0, first_draw=1)
