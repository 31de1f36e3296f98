"""Examine *exposed* for all cases of one target: ``data/expose/TARGET/``."""

from __future__ import annotations

from typing import Any

from seedwitness.config.stage_settings import ExposeStage, load_stage_settings
from seedwitness.config.targets import image_path, load_target
from seedwitness.records.exposure import (
    FEATURES,
    TARGET_LOSSES,
    ExposedFindings,
    OverlapReport,
)
from seedwitness.records.tables import write_table
from seedwitness.runtime.files import replace_whole
from seedwitness.stages import DATA, output_path
from seedwitness.stages._checkpoint import load_identified
from seedwitness.stages._target_image import load_target_image


def run(target: str) -> None:
    """Write the target's losses, the blind features, overlaps with controls, and the findings.

    ``losses.parquet`` is ``records.TARGET_LOSSES`` under the stated caption, or under none where
    none is stated. ``features.parquet`` (``records.FEATURES``) describes target and controls.
    ``exposed.json`` holds the findings, which follow from these files and the controls' losses.
    """
    from seedwitness.controls.selection import list_controls
    from seedwitness.exposure.blind_features import describe_image, list_features
    from seedwitness.exposure.denoising_loss import find_objective, measure_losses
    from seedwitness.exposure.overlap import find_overlaps
    from seedwitness.imaging.decoding import decode_image
    from seedwitness.verdict.exposed import judge_exposed
    from seedwitness.verdict.exposure_data import read_exposure

    settings = load_stage_settings("expose", ExposeStage)
    stated = load_target(target)
    prompt = stated.caption or ""
    image = load_target_image(target)
    controls = list_controls(
        settings.controls,
        settings.metric_weights,
        settings.prepare,
        settings.judge.copy_criteria,
    )
    rows: list[dict[str, Any]] = []
    for name in settings.checkpoints:
        loaded = load_identified(name)
        about = {
            "checkpoint": name,
            "checkpoint_sha256": loaded.checkpoint.sha256,
            "objective": find_objective(loaded.pipeline),
        }
        measured = measure_losses(
            loaded,
            image,
            prompt,
            levels=settings.expose.levels,
            noise_seeds=settings.expose.noises,
            resize=settings.resize,
        )
        rows += [about | row for row in measured]
    features = list_features("", describe_image(image_path(target, stated), prompt))
    for path, entry in controls.items():
        features += list_features(
            entry.file_name, describe_image(path, entry.text if prompt else "")
        )
    overlaps = find_overlaps(
        image, {entry.file_name: decode_image(path) for path, entry in controls.items()}
    )
    with replace_whole(output_path("expose", target)) as part:
        part.mkdir()
        write_table(part / "losses.parquet", rows, TARGET_LOSSES)
        write_table(part / "features.parquet", features, FEATURES)
        OverlapReport(overlaps=overlaps).write(part / "overlaps.json")
        cases = read_exposure(DATA, target, settings, part)
        ExposedFindings(target=target, cases=judge_exposed(cases, settings)).write(
            part / "exposed.json"
        )
