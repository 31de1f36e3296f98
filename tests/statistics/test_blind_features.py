"""Features of no model: an exact rank of one image, and a classifier that is rightly sure."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from seedwitness.statistics.blind_features import (
    cross_fit_classifier,
    fit_discriminant,
    name_weightiest,
    rank_unusual,
    standardise,
)

Groups = dict[str, NDArray[np.float64]]


def draw_groups(rng: np.random.Generator, images: int) -> Groups:
    return {
        "size": rng.integers(0, 2, (images, 2)).astype(float),  # ties are common
        "colour": rng.standard_normal((images, 12)) * 10.0 ** np.arange(-3, 9),
        "jpeg": np.zeros((images, 3)),
    }


def test_the_rank_of_one_image_is_exact_under_the_null() -> None:
    rng = np.random.default_rng(1)
    p = np.array([rank_unusual(draw_groups(rng, 20)).p for _ in range(1500)])
    assert p.min() == 1 / 20
    for level in (0.05, 0.1, 0.25):
        assert (p <= level).mean() <= level + 3 * (level / 1500) ** 0.5
    assert (p <= 0.5).mean() > 0.25  # ties cost power, not everything


def test_the_order_of_the_others_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    groups = draw_groups(rng, 30)
    order = [0, *(1 + rng.permutation(29))]
    assert rank_unusual({name: each[order] for name, each in groups.items()}).p == (
        rank_unusual(groups).p
    )


def test_a_jpeg_among_pngs_is_told_apart_and_the_group_is_named() -> None:
    groups = draw_groups(np.random.default_rng(3), 100)
    groups["jpeg"][0] = [16.0, 40.0, 7.0]
    unusual = rank_unusual(groups)
    assert unusual.p <= 0.03  # each other group has a most unusual image of its own
    assert unusual.group == "jpeg"
    assert (np.abs(unusual.deviations) > 5).all()


def test_constant_features_say_nothing() -> None:
    same = {"file": np.ones((10, 3))}
    assert rank_unusual(same).p == 1
    assert (standardise(same["file"], same["file"]) == 0).all()


def test_a_classifier_is_above_chance_where_something_differs_and_nowhere_else() -> None:
    rng = np.random.default_rng(4)
    told = 0
    for _ in range(60):
        positives, negatives = rng.standard_normal((20, 8)), rng.standard_normal((80, 8))
        told += cross_fit_classifier(positives, negatives).auc.low > 0.5
    assert told <= 6
    positives = rng.standard_normal((20, 8))
    positives[:, 1] += 2
    shifted = cross_fit_classifier(positives, rng.standard_normal((80, 8)))
    assert shifted.auc.low > 0.6
    assert name_weightiest(list("abcdefgh"), shifted.weights, 1) == ["b"]


def test_the_discriminant_is_that_of_the_normal_equations() -> None:
    rng = np.random.default_rng(5)
    one, other = rng.standard_normal((30, 4)) + 1, rng.standard_normal((40, 4))
    within = (
        30 * np.cov(one, rowvar=False, bias=True) + 40 * np.cov(other, rowvar=False, bias=True)
    ) / 70
    expected = np.linalg.inv(within + np.eye(4)) @ (one.mean(0) - other.mean(0))
    assert fit_discriminant(one, other) == pytest.approx(expected)


def test_one_image_is_no_set() -> None:
    with pytest.raises(ValueError, match="two images of each kind"):
        cross_fit_classifier(np.zeros((1, 2)), np.zeros((9, 2)))
