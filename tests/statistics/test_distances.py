"""Distances: the lower is the closer, whatever the metric, and no bit of a score is lost."""

import numpy as np
import pandas as pd
import pytest

from seedwitness.statistics.distances import distance_of, score_of, with_distance


@pytest.mark.parametrize("higher", [True, False])
def test_the_closest_score_has_the_least_distance_and_comes_back_to_the_last_bit(
    higher: bool,
) -> None:
    scores = np.random.default_rng(1).normal(size=100)
    distances = distance_of(scores, higher)
    closest = scores.max() if higher else scores.min()
    assert score_of(float(distances.min()), higher) == closest
    assert score_of(distances, higher).tobytes() == scores.tobytes()
    assert score_of(distance_of(0.1 + 0.2, higher), higher) == 0.1 + 0.2


def test_a_table_keeps_its_scores_and_gets_their_distances_row_by_row() -> None:
    table = pd.DataFrame({"score": [0.9, 0.1, 0.3], "higher_is_closer": [True, False, True]})
    distances = with_distance(table)
    assert distances["distance"].tolist() == [-0.9, 0.1, -0.3]
    assert distances[["score", "higher_is_closer"]].equals(table)
    assert "distance" not in table


def test_an_empty_table_has_an_empty_column() -> None:
    table = pd.DataFrame({"score": [], "higher_is_closer": []})
    assert with_distance(table)["distance"].tolist() == []
