"""Rank of a gain over a reference: residuals of one score on another, fitted on all alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Residuals:
    """Residuals of a line through a target and its controls; lower distances are closer."""

    slope: float
    target: float
    controls: NDArray[np.float64]


def fit_residuals(
    distance: float,
    reference_distance: float,
    control_distances: Sequence[float],
    control_reference_distances: Sequence[float],
) -> Residuals:
    """Residuals of distances on a checkpoint, on a line in those on the reference.

    The slope is the median of those between all pairs (Theil 1950, Sen 1968), of the controls and
    the target together. It treats all alike, so that under the null hypothesis the residuals stay
    exchangeable and their rank exact; a line through the controls alone would reject a little too
    often. By least squares, a target that is far from the controls on both checkpoints would pull
    the line to itself, and could hardly show a gain. The slope is 0 where the distances on the
    reference are all equal, and never below 0: a checkpoint does not draw an image worse because
    another one draws it well. Raises ValueError where the two sequences differ in length.
    """
    y = np.array([distance, *control_distances], dtype=float)
    x = np.array([reference_distance, *control_reference_distances], dtype=float)
    if len(x) != len(y):
        raise ValueError(f"{len(y) - 1} controls have {len(x) - 1} distances on the reference")
    dx, dy = x[:, None] - x, y[:, None] - y  # [n, n]
    slope = max(float(np.median(dy[dx > 0] / dx[dx > 0])), 0.0) if np.ptp(x) > 0 else 0.0
    residuals = y - slope * x
    residuals -= residuals.mean()
    return Residuals(slope, float(residuals[0]), residuals[1:])
