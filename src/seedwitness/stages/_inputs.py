"""What several stages take alike: prompts, criteria of a copy, positions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seedwitness.stages import place

if TYPE_CHECKING:
    import pandas as pd

    from seedwitness import config
    from seedwitness.checkpoints.loading import Loaded
    from seedwitness.imaging.alignment import Positions
    from seedwitness.search.early_stopping import Copies


def prompts(target: str, limit: int) -> pd.DataFrame:
    """At most ``limit`` candidates of a target, as PROMPTS: what was recovered and looked up."""
    from seedwitness.prompts.candidates import candidates
    from seedwitness.records import MATCHES, PROMPTS, read_table

    return candidates(
        read_table(place("recover", target) / "prompts.parquet", PROMPTS),
        read_table(place("lookup", target) / "matches.parquet", MATCHES),
        limit,
    )


def copies(loaded: Loaded, settings: config.Search, path: Path) -> Copies | None:
    """What says which latents are copies, by the criteria of ``judge`` in the settings at ``path``.

    It is asked for a search that may end early; for any other it is None.
    """
    from seedwitness import config
    from seedwitness.search import early_stopping

    if not settings.stop.early:
        return None
    return early_stopping.copies(
        loaded,
        config.section(list[config.Copy], "judge", "copies", path=path),
        config.section(dict[str, Path], "score", "weights", path=path),
        config.section(int, "score", "batch", path=path),
        positions(path),
    )


def positions(path: Path) -> Positions:
    """How a target is laid over what a checkpoint makes, by the settings at ``path``."""
    from seedwitness import config
    from seedwitness.imaging.alignment import Positions

    return Positions(
        rule=config.section(str, "search", "fit", path=path),
        mirrored=config.section(bool, "score", "mirrored", path=path),
        shift=config.section(int, "score", "shift", path=path),
    )
