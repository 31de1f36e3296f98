"""A checkpoint as stages load it, and the cache keys that they used on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedwitness.config.inputs import CheckpointSettings
from seedwitness.config.reading import load_section
from seedwitness.runtime.keyed_cache import ROOT, record_use
from seedwitness.stages._identity import load_identity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seedwitness.checkpoints.loading import LoadedCheckpoint


def load_identified(checkpoint: str, dtype: str | None = None) -> LoadedCheckpoint:
    """A checkpoint of the settings; it has to be what `identify` found.

    In ``dtype`` where recipes name another than its own: a seed's noise differs between dtypes.
    """
    from seedwitness.checkpoints.loading import load_checkpoint

    settings = load_section(CheckpointSettings, "checkpoints", checkpoint)
    if dtype:
        settings = settings.model_copy(update={"dtype": dtype})
    return load_checkpoint(checkpoint, settings, load_identity(checkpoint))


def record_cache_use(stage: str, keys: Iterable[str], *names: str) -> None:
    """Remember which keys of the cache a stage used, so that `seedwitness ledger` keeps them."""
    record_use(ROOT, "/".join((stage, *names)), keys)
