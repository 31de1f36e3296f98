"""The simulated rule: its error rate, its power against the closed form, and what findings cost."""

from dataclasses import replace
from math import sqrt

import pytest

from seedwitness.statistics.finding_power import Design, simulate_findings

DESIGN = Design(trials=8, reference_trials=8, controls=99, alpha=0.01)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.8])
def test_an_image_that_was_not_learned_is_hardly_ever_supported(correlation: float) -> None:
    design = replace(DESIGN, controls=39, alpha=0.05, correlation=correlation, reference_trials=4)
    found = simulate_findings(design, 0.0, 3000, 1)
    assert abs(found.ranked - 0.05) < 3.5 * sqrt(0.05 * 0.95 / 3000)
    assert found.supported == 0  # no trial of theirs is a copy
    assert found.controls_drawn < 20


@pytest.mark.parametrize(("rate", "trials"), [(0.01, 161), (0.1, 16), (0.5, 8)])
def test_power_is_that_of_seeing_a_copy(rate: float, trials: int) -> None:
    """Few trials on the reference are enough where it never draws the target."""
    design = replace(DESIGN, trials=trials, reference_trials=4)
    found = simulate_findings(design, rate, 600, 2)
    chance = 1 - (1 - rate) ** trials
    # About one target in a hundred is easy on the reference, where nothing is supported.
    assert found.supported == pytest.approx(
        chance, abs=3.5 * sqrt(chance * (1 - chance) / 600) + 0.02
    )


def test_refusals_and_more_cases_lower_the_power() -> None:
    plain = simulate_findings(DESIGN, 0.5, 400, 3)
    refused = simulate_findings(replace(DESIGN, refused=0.5), 0.5, 400, 3)
    assert refused.supported < 0.65 < plain.supported
    with pytest.raises(ValueError, match="99 controls are too few for 2 cases"):
        simulate_findings(replace(DESIGN, cases=2), 0.5, 1, 3)
