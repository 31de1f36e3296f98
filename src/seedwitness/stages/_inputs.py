"""What several stages read alike: a target's image and prompts, a checkpoint, the copy test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedwitness.config.inputs import CheckpointSettings
from seedwitness.config.reading import load_section
from seedwitness.imaging.decoding import decode_image
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.document import read_document
from seedwitness.runtime.keyed_cache import ROOT, record_use
from seedwitness.stages import output_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from PIL import Image

    from seedwitness.checkpoints.loading import LoadedCheckpoint
    from seedwitness.config.stage_settings import ControlsStage, SearchStage
    from seedwitness.search.early_stopping import CopyTest


def load_target_image(target: str) -> Image.Image:
    """The image of a target as `prepare` wrote it: upright RGB of 8 bits."""
    path = output_path("prepare", target) / "image.png"
    return decode_image(path, f"`dvc repro {stage_address(target, 'prepare')}` writes it.")


def stage_address(target: str, stage: str) -> str:
    """How DVC addresses a stage of a target: its own pipeline file, and the stage's name."""
    return f"data/targets/{target}/dvc.yaml:{stage}"


def load_prompts(target: str, limit: int) -> pd.DataFrame:
    """At most ``limit`` candidates of a target, as PROMPTS: from recovery and lookup."""
    from seedwitness.prompts.prompt_selection import select_prompts
    from seedwitness.records.tables import MATCHES, PROMPTS, read_table

    return select_prompts(
        read_table(output_path("recover", target) / "prompts.parquet", PROMPTS),
        read_table(output_path("lookup", target) / "matches.parquet", MATCHES),
        limit,
    )


def load_identity(checkpoint: str) -> CheckpointIdentity:
    """What `identify` found a checkpoint to be."""
    return read_document(
        CheckpointIdentity, output_path("identify", checkpoint) / "checkpoint.json"
    )


def load_identified(checkpoint: str, dtype: str | None = None) -> LoadedCheckpoint:
    """A checkpoint of the settings; it has to be what `identify` found.

    In ``dtype`` where recipes name another than its own: a seed's noise differs between dtypes.
    """
    from seedwitness.checkpoints.loading import load_checkpoint

    settings = load_section(CheckpointSettings, "checkpoints", checkpoint)
    if dtype:
        settings = settings.model_copy(update={"dtype": dtype})
    return load_checkpoint(checkpoint, settings, load_identity(checkpoint))


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


def record_cache_use(stage: str, keys: Iterable[str], *names: str) -> None:
    """Remember which keys of the cache a stage used, so that `seedwitness ledger` keeps them."""
    record_use(ROOT, "/".join((stage, *names)), keys)
