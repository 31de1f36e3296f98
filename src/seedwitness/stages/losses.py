"""Measure the controls' denoising losses on one checkpoint: ``data/losses/CHECKPOINT/``."""

from __future__ import annotations

from typing import Any

from seedwitness.config.stage_settings import LossesStage, load_stage_settings
from seedwitness.records.exposure import CONTROL_LOSSES
from seedwitness.records.tables import write_table
from seedwitness.stages import output_path
from seedwitness.stages._checkpoint import load_identified


def run(checkpoint: str) -> None:
    """Write ``losses.parquet`` (``records.CONTROL_LOSSES``): under each caption, and under none.

    The controls are those of the stage ``controls``. Where the question *exposed* is off, the table
    is empty and nothing is loaded.
    """
    settings = load_stage_settings("losses", LossesStage)
    rows: list[dict[str, Any]] = []
    if settings.expose.enabled:
        from seedwitness.controls.selection import list_controls
        from seedwitness.exposure.denoising_loss import measure_losses
        from seedwitness.imaging.decoding import decode_image, hash_pixels

        loaded = load_identified(checkpoint)
        controls = list_controls(
            settings.controls, settings.metric_weights, settings.prepare, settings.copy_criteria
        )
        for path, entry in controls.items():
            image = decode_image(path)
            about = {"control": entry.file_name, "pixels_sha256": hash_pixels(image)}
            for prompt in (entry.text, ""):
                measured = measure_losses(
                    loaded,
                    image,
                    prompt,
                    levels=settings.expose.levels,
                    noise_seeds=settings.expose.noises,
                    resize=settings.resize,
                )
                rows += [about | row for row in measured]
    write_table(output_path("losses", checkpoint) / "losses.parquet", rows, CONTROL_LOSSES)
