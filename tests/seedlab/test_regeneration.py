import numpy as np
import pandas as pd
import pytest

from seedlab.regeneration import (
    compute_thresholds,
    count_control_hits,
    mark_regenerated_pictures,
    split_by_hash,
)


def scores(rng: np.random.Generator, count: int, split: str, near: float = 1.0) -> pd.DataFrame:
    """Distances of ``count`` pictures × 8 seeds, uniform up to ``near``."""
    return pd.DataFrame(
        {
            "id": np.repeat([f"{split}{k}" for k in range(count)], 8),
            "split": split,
            "descriptor": rng.random(count * 8) * near,
            "patch_l2": rng.random(count * 8) * near,
        }
    )


def test_controls_are_called_regenerated_no_more_often_than_promised() -> None:
    rng = np.random.default_rng(1)
    hits, n = np.sum([count_control_hits(scores(rng, 420, "held_out")) for _ in range(30)], axis=0)
    assert n == 30 * 420
    assert hits / n <= 0.01


def test_near_copies_are_regenerated() -> None:
    rng = np.random.default_rng(1)
    limits = compute_thresholds(scores(rng, 420, "held_out"))
    copies = scores(rng, 24, "planted", near=limits.descriptor / 4)
    copies["patch_l2"] = limits.patch_l2 / 2
    assert mark_regenerated_pictures(copies, limits).all()


def test_both_distances_must_agree_on_the_same_seed() -> None:
    rng = np.random.default_rng(1)
    limits = compute_thresholds(scores(rng, 420, "held_out"))
    split = scores(rng, 1, "planted")
    split["descriptor"], split["patch_l2"] = 1.0, 1.0
    split.loc[0, "descriptor"] = 0.0  # near by one distance on one seed
    split.loc[1, "patch_l2"] = 0.0  # and by the other on another
    assert not mark_regenerated_pictures(split, limits).any()


def test_a_threshold_needs_enough_controls() -> None:
    with pytest.raises(ValueError, match="too few"):
        compute_thresholds(scores(np.random.default_rng(1), 50, "held_out"))


def test_halves_do_not_depend_on_the_order() -> None:
    names = [f"{k:04d}" for k in range(421)]
    first, second = split_by_hash(names)
    assert (first, second) == split_by_hash(names[::-1])
    assert not first & second
    assert abs(len(first) - len(second)) == 1
