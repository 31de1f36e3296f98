"""Rank among controls that are drawn one by one, until the answer at α is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seedwitness.statistics.ranks import count_allowed_controls


@dataclass(frozen=True)
class SequentialRank:
    """The rank of a target after ``drawn`` controls of at most ``most``.

    ``is_decided`` says whether no further control can change the answer at α: either as many are at
    least as close as α forbids, or all were drawn.
    """

    drawn: int
    most: int
    at_least_as_close: int
    p: float
    is_stopped: bool

    @property
    def is_decided(self) -> bool:
        """Whether no further control is needed."""
        return self.is_stopped or self.drawn == self.most


def rank_in_sequence(
    distance: float, control_distances: Sequence[float], most: int, alpha: float
) -> SequentialRank:
    """Sequential Monte Carlo rank test of Besag & Clifford (Biometrika 1991), curtailed at α.

    ``control_distances`` are those of the controls drawn so far, in an order that depends on no
    result, and ``most`` was fixed before. Of m = ``most`` controls, h = ⌊alpha (m + 1)⌋ at least as
    close as the target leave p above alpha, so the draw stops at the h-th, after l controls: p is
    h / l, and never below (h + 1) / (m + 1), which is the least that all controls would have given.
    Without a stop p is (1 + those at least as close) / (1 + m). A tie counts against the target.

    p is valid: at each level it is as small no more often than a fixed number of controls allows,
    and at alpha the decision is the same. A control after the stop is not read. With fewer than m
    controls and no stop p is the one so far, and not yet an answer. Raises ValueError where more
    than m controls are given, or m is too small for any p at alpha.
    """
    if len(control_distances) > most:
        raise ValueError(f"{len(control_distances)} controls are more than the {most} planned")
    allowed = count_allowed_controls(most, alpha)
    if not allowed:
        raise ValueError(f"{most} controls are too few for p at {alpha}")
    close = np.asarray(control_distances, dtype=float) <= distance
    places = np.flatnonzero(close)
    if len(places) >= allowed and places[allowed - 1] + 1 < most:
        drawn = int(places[allowed - 1]) + 1
        p = max(allowed / drawn, (allowed + 1) / (most + 1))
        return SequentialRank(drawn, most, allowed, p, is_stopped=True)
    drawn, hits = len(close), int(close.sum())
    return SequentialRank(drawn, most, hits, (1 + hits) / (1 + drawn), is_stopped=False)


def expect_controls(most: int, alpha: float) -> float:
    """The mean number of controls drawn for a target like them: h (1 + Σ 1/l over l from h to m−1).

    The h-th control at least as close comes after the l-th with probability h / (l + 1), l ≥ h.
    """
    allowed = count_allowed_controls(most, alpha)
    return allowed + sum(allowed / (drawn + 1) for drawn in range(allowed, most))
