"""The test that ends a search early, as search and controls make it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seedwitness.checkpoints.loading import LoadedCheckpoint
    from seedwitness.config.stage_settings import ControlsStage, SearchStage
    from seedwitness.search.early_stopping import CopyTest


def load_copy_test(
    loaded: LoadedCheckpoint, settings: SearchStage | ControlsStage
) -> CopyTest | None:
    """The test of which latents are copies; None where no search ends early."""
    from seedwitness.config.stage_settings import ControlsStage
    from seedwitness.imaging.alignment import AlignmentSpec
    from seedwitness.search.early_stopping import make_copy_test

    search = settings.search
    if not search.stop.is_enabled:
        return None
    if isinstance(settings, ControlsStage):
        score = settings.score
        weights, batch, mirrored, shift = score.weights, score.batch, score.mirrored, score.shift
    else:
        weights, batch = settings.metric_weights, settings.metric_batch
        mirrored, shift = settings.mirrored, settings.shift
    alignment = AlignmentSpec(search.resize, mirrored, shift)
    return make_copy_test(loaded, settings.copy_criteria, weights, batch, alignment)
