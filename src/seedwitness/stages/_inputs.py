"""What several stages take alike: prompts, criteria of a copy, positions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seedwitness.stages import output_path

if TYPE_CHECKING:
    import pandas as pd

    from seedwitness.checkpoints.loading import LoadedCheckpoint
    from seedwitness.config.steps import SearchSettings
    from seedwitness.imaging.alignment import AlignmentSpec
    from seedwitness.search.early_stopping import CopyTest


def prompts(target: str, limit: int) -> pd.DataFrame:
    """At most ``limit`` candidates of a target, as PROMPTS: what was recovered and looked up."""
    from seedwitness.prompts.candidates import candidates
    from seedwitness.records.tables import MATCHES, PROMPTS, read_table

    return candidates(
        read_table(output_path("recover", target) / "prompts.parquet", PROMPTS),
        read_table(output_path("lookup", target) / "matches.parquet", MATCHES),
        limit,
    )


def copies(loaded: LoadedCheckpoint, settings: SearchSettings, path: Path) -> CopyTest | None:
    """What says which latents are copies, by the criteria of ``judge`` in the settings at ``path``.

    It is asked for a search that may end early; for any other it is None.
    """
    from seedwitness.config.reading import load_section
    from seedwitness.config.verdicts import CopyCriterionSettings
    from seedwitness.search import early_stopping

    if not settings.stop.is_enabled:
        return None
    return early_stopping.copy_test(
        loaded,
        load_section(list[CopyCriterionSettings], "judge", "copies", path=path),
        load_section(dict[str, Path], "score", "weights", path=path),
        load_section(int, "score", "batch", path=path),
        positions(path),
    )


def positions(path: Path) -> AlignmentSpec:
    """How a target is laid over what a checkpoint makes, by the settings at ``path``."""
    from seedwitness.config.reading import load_section
    from seedwitness.imaging.alignment import AlignmentSpec

    return AlignmentSpec(
        rule=load_section(str, "search", "fit", path=path),
        mirrored=load_section(bool, "score", "mirrored", path=path),
        shift=load_section(int, "score", "shift", path=path),
    )
