"""When the draw of controls on a checkpoint may stop: when no target needs another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedwitness.config.targets import list_targets
from seedwitness.records.document import read_document
from seedwitness.records.search import SearchSummary
from seedwitness.records.tables import SCORES, TRIALS, read_table
from seedwitness.records.target import TargetRecord
from seedwitness.stages import output_path

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from seedwitness.config.stage_settings import ControlsStage


def make_stopping_rule(
    checkpoint: str, settings: ControlsStage
) -> Callable[[pd.DataFrame], bool] | None:
    """Whether the controls so far (``records.CONTROL_SCORES``) decide the rank of every target.

    None where all controls are drawn: by the settings, on the reference, whose few trials the gain
    of any target may need, or where no target was scored.
    """
    from seedwitness.statistics.sequential_ranks import rank_in_sequence
    from seedwitness.verdict.drawn_controls import find_closest, list_in_order
    from seedwitness.verdict.image_identity import (
        find_same_image,
        identify_controls,
        identify_target,
    )

    metric, alpha, planned = settings.ranked_by, settings.alpha, settings.controls.count
    if metric is None or alpha is None or checkpoint == settings.reference:
        return None
    closest = {}
    for name in list_targets():
        scores = output_path("score", name, checkpoint) / "scores.parquet"
        if scores.exists():
            folder = output_path("search", name, checkpoint)
            summary = read_document(SearchSummary, folder / "search.json")
            trials = read_table(folder / "trials.parquet", TRIALS)["trial"].tolist()
            ranked = trials[: summary.trials - summary.rate_trials]
            record = read_document(TargetRecord, output_path("prepare", name) / "target.json")
            distance = find_closest(read_table(scores, SCORES), metric, ranked)
            closest[name] = identify_target(record), distance
    if not closest:
        return None

    def is_decided(controls: pd.DataFrame) -> bool:
        drawn = list_in_order(controls, metric)
        known = identify_controls(controls)
        for identity, distance in closest.values():
            itself = {image.name for image in find_same_image(identity, known)}
            others = drawn[~drawn.index.isin(itself)].tolist()
            most = planned - len(itself)
            if not rank_in_sequence(distance, others, most, alpha).is_stopped:
                return False
        return True

    return is_decided
