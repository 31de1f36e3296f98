"""Run the controls on one checkpoint: ``data/controls/CHECKPOINT/``."""

from __future__ import annotations

from seedwitness.config.stage_settings import ControlsStage, load_stage_settings
from seedwitness.records.tables import (
    CONTROL_DETECTIONS,
    CONTROL_REACH,
    CONTROL_SCORES,
    CONTROL_TRIALS,
    PROMPTS,
    TEXT,
    write_table,
)
from seedwitness.runtime.files import replace_whole
from seedwitness.stages import output_path
from seedwitness.stages._checkpoint import load_identified, record_cache_use
from seedwitness.stages._early_stop import load_copy_test
from seedwitness.stages._stopping_rule import make_stopping_rule


def run(checkpoint: str) -> None:
    """Write ``controls.parquet``: a row a control, trial and metric; and ``prompts.parquet``.

    ``learned.parquet`` holds the same of the images that the checkpoint is known to have learned,
    ``trials.parquet`` (``records.CONTROL_TRIALS``) every trial of both, with its seed and hashes,
    ``reach.parquet`` (``records.CONTROL_REACH``) the ladders of some controls, and
    ``detectors.parquet`` (``records.CONTROL_DETECTIONS``) what published detectors give for some,
    and ``images/`` by each metric the two controls that came back closest, with their trials.
    """
    from seedwitness.controls.execution import prepare_controls, run_controls
    from seedwitness.detectors.preselection import check_preselection
    from seedwitness.search.case_search import check_search_settings

    settings = load_stage_settings("controls", ControlsStage)
    check_search_settings(settings.search)
    check_preselection(settings.search)
    prepared = prepare_controls(checkpoint, settings, output_path("index"))
    loaded = load_identified(checkpoint)
    results = run_controls(
        loaded,
        prepared,
        settings,
        load_copy_test(loaded, settings),
        make_stopping_rule(checkpoint, settings),
    )
    with replace_whole(output_path("controls", checkpoint)) as part:
        part.mkdir()
        write_table(part / "controls.parquet", results.scores, CONTROL_SCORES)
        write_table(part / "learned.parquet", results.learned, CONTROL_SCORES)
        write_table(part / "reach.parquet", results.ladders, CONTROL_REACH)
        write_table(part / "detectors.parquet", results.detections, CONTROL_DETECTIONS)
        write_table(part / "trials.parquet", results.trials, CONTROL_TRIALS)
        (part / "images").mkdir()
        for name, picture in results.pictures.items():
            picture.save(part / "images" / f"{name}.png")
        write_table(part / "prompts.parquet", results.prompts, {"control": TEXT, **PROMPTS})
    record_cache_use("controls", results.keys, checkpoint)
