"""One direction for all scores: a distance, of which the lower is the closer.

Tables keep a score as its metric measures it, beside ``higher_is_closer``. Whatever compares scores
compares their distances, which are made here and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Values = TypeVar("Values", float, "pd.Series", "np.ndarray[Any, Any]")
"""A number, or a column or array of them."""


def distance_of(score: Values, higher_is_closer: bool) -> Values:
    """A score as a distance: the score itself, or −score where a higher one is closer."""
    return -score if higher_is_closer else score


def score_of(distance: Values, higher_is_closer: bool) -> Values:
    """The score of which ``distance_of`` made a distance, to the last bit."""
    return -distance if higher_is_closer else distance


def with_distance(scores: pd.DataFrame) -> pd.DataFrame:
    """A table that has ``score`` and ``higher_is_closer``, with a column ``distance`` added."""
    score = scores["score"]
    return scores.assign(distance=score.where(~scores["higher_is_closer"].astype(bool), -score))
