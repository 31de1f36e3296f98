"""What stands beside a finding and is no part of it: ``data/reach/TARGET/CHECKPOINT/``.

How near the checkpoint comes to a target that it is shown, and what published detectors give.
"""

from __future__ import annotations

from seedwitness.config.stage_settings import ReachStage, load_stage_settings
from seedwitness.records.tables import DETECTIONS, REACH, write_table
from seedwitness.runtime.files import replace_whole
from seedwitness.stages import output_path
from seedwitness.stages._checkpoint import load_identified
from seedwitness.stages._prompts import load_prompts, load_texts
from seedwitness.stages._target_image import load_target_image


def run(target: str, checkpoint: str) -> None:
    """Write ``reach.parquet`` (``records.REACH``), and an image of each rung of the first seed.

    ``images/NUMBER.png`` are numbered as the rungs are in the table. ``detectors.parquet`` is
    ``records.DETECTIONS``. Without strengths, or without detectors, their table is empty; without
    either nothing is loaded.
    """
    settings = load_stage_settings("reach", ReachStage)
    with replace_whole(output_path("reach", target, checkpoint)) as part:
        (part / "images").mkdir(parents=True)
        asks_for_rungs = settings.reach.strengths or settings.reach.classes
        if not asks_for_rungs and not settings.detectors.names:
            write_table(part / "reach.parquet", [], REACH)
            write_table(part / "detectors.parquet", [], DETECTIONS)
            return

        from PIL import Image

        from seedwitness.detectors.runner import check_detectors
        from seedwitness.metrics.scoring import load_metrics
        from seedwitness.reachability.examination import measure_detectors, measure_ladders

        score = settings.score
        check_detectors(settings.detectors.names, "descriptor" in score.runnable_metrics)
        metrics = load_metrics(score.runnable_metrics, score.weights, score.batch)
        prompts = list(load_prompts(target, 1)["text"]) or [""]
        images = [load_target_image(target)]
        shared = load_identified(checkpoint), metrics, images, prompts
        detections = measure_detectors(*shared, settings.detectors, settings.search)
        texts = [load_texts(target, checkpoint)] if settings.reach.classes else []
        rungs, ladders = measure_ladders(*shared, settings.reach, settings.search, texts)
        write_table(
            part / "detectors.parquet", [row for rows in detections for row in rows], DETECTIONS
        )
        write_table(part / "reach.parquet", [row for rows in ladders for row in rows], REACH)
        for number, rung in enumerate(rung for rung in rungs if rung.seed == 0):
            pixels = rung.images[0].permute(1, 2, 0).contiguous().numpy()
            Image.fromarray(pixels).save(part / "images" / f"{number}.png")
