"""Whether features of no model tell images apart: for one image a rank, for a set an AUC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedwitness.statistics.roc import BootstrapEstimate, estimate_auc

Matrix = NDArray[np.float64]

RIDGE = 1.0
"""Added to the diagonal of a correlation matrix, so that few images bear many features."""


@dataclass(frozen=True)
class UnusualRank:
    """The rank of one image by how unusual it is among others.

    ``group`` is the feature group in which it ranks highest; ``deviations`` are its standardised
    features there, in their order.
    """

    at_least_as_unusual: int
    others: int
    group: str
    deviations: NDArray[np.float64]

    @property
    def p(self) -> float:
        """p = (1 + others at least as unusual) / (1 + others)."""
        return (1 + self.at_least_as_unusual) / (1 + self.others)


def rank_unusual(groups: Mapping[str, Matrix]) -> UnusualRank:
    """Rank the first image of each matrix [images, features] among the others of its rows.

    Within each group an image is as unusual as its Mahalanobis distance from the mean of all is
    large, by their joint correlation with a ridge. Over the groups it is as unusual as in the group
    where it ranks highest. Every image is treated alike, the first one too, so that the rank is
    exact whatever the features are. Ties count as unusual.
    """
    ranks, deviations = {}, {}
    for name, matrix in groups.items():
        scaled = standardise(matrix, matrix)
        distances = _measure_distances(scaled)
        ranks[name] = (distances[None, :] >= distances[:, None]).sum(1)  # [images], 1 is the top
        deviations[name] = scaled[0]
    table = np.stack(list(ranks.values()))  # [groups, images]
    best = table.min(0)
    group = list(ranks)[int(table[:, 0].argmin())]
    return UnusualRank(int((best[1:] <= best[0]).sum()), len(best) - 1, group, deviations[group])


def standardise(matrix: Matrix, training: Matrix) -> Matrix:
    """Each feature less its mean, by its standard deviation, both of ``training``; 0 if constant.

    A constant feature of ``training`` that differs elsewhere is scaled by 1.
    """
    spread = training.std(0)
    tiny = spread <= 1e-9 * (1 + np.abs(training).max(0))
    centred: Matrix = (matrix - training.mean(0)) / np.where(tiny, 1.0, spread)
    return np.where(tiny & (np.abs(centred) <= 1e-9), 0.0, centred)


def _measure_distances(scaled: Matrix) -> NDArray[np.float64]:
    correlation = scaled.T @ scaled / len(scaled)
    inverse = np.linalg.inv(correlation + RIDGE * np.eye(len(correlation)))
    distances: NDArray[np.float64] = np.einsum("ij,jk,ik->i", scaled, inverse, scaled)
    return np.round(distances, 9)  # equal images are ties whatever the order of a sum


@dataclass(frozen=True)
class ClassifierEstimate:
    """The cross-fitted AUC of a classifier, and the weights of one that was fitted on all."""

    auc: BootstrapEstimate
    weights: NDArray[np.float64]


def cross_fit_classifier(
    positives: Matrix, negatives: Matrix, *, folds: int = 5, seed: int = 1
) -> ClassifierEstimate:
    """AUC of a ridge classifier on images that it was not fitted on (cross-fitting).

    Both matrices are [images, features]. The classifier is Fisher's discriminant with the ridge of
    ``rank_unusual``. Folds are drawn by ``seed``, positives and negatives apart. An AUC is computed
    from all images of all folds; classifiers of several folds may differ in scale, so each fold's
    scores are standardised by those of its training images. Raises ValueError with fewer than two
    images of a kind.
    """
    if min(len(positives), len(negatives)) < 2:
        raise ValueError("a classifier needs two images of each kind")
    rng = np.random.default_rng(seed)
    count = min(folds, len(positives), len(negatives))
    parts = [rng.permutation(len(each)) % count for each in (positives, negatives)]
    scores = [np.empty(len(each)) for each in (positives, negatives)]
    for fold in range(count):
        high, low = positives[parts[0] != fold], negatives[parts[1] != fold]
        training = np.concatenate([high, low])
        weights = fit_discriminant(standardise(high, training), standardise(low, training))
        fitted = standardise(training, training) @ weights
        spread = float(fitted.std()) or 1.0
        for kind, each in enumerate((positives, negatives)):
            own = parts[kind] == fold
            values = standardise(each[own], training) @ weights
            scores[kind][own] = (values - fitted.mean()) / spread
    everything = np.concatenate([positives, negatives])
    weights = fit_discriminant(
        standardise(positives, everything), standardise(negatives, everything)
    )
    return ClassifierEstimate(estimate_auc(*scores), weights)


def fit_discriminant(positives: Matrix, negatives: Matrix) -> NDArray[np.float64]:
    """Weights of Fisher's linear discriminant (1936) with a ridge: [features]."""
    centred = np.concatenate([positives - positives.mean(0), negatives - negatives.mean(0)])
    within = centred.T @ centred / len(centred)
    difference = positives.mean(0) - negatives.mean(0)
    weights: NDArray[np.float64] = np.linalg.solve(within + RIDGE * np.eye(len(within)), difference)
    return weights


def name_weightiest(names: Sequence[str], weights: NDArray[np.float64], count: int) -> list[Any]:
    """The names of the features with the largest weights, the largest first; none of weight 0."""
    order = np.argsort(-np.abs(weights), kind="stable")[:count]
    return [names[number] for number in order if abs(weights[number]) > 1e-9]
