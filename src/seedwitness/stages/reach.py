"""What stands beside a finding, and is no part of it: ``data/reach/TARGET/CHECKPOINT/``.

How near the checkpoint comes to a target that it is shown, and what published detectors say.
"""

from __future__ import annotations

from seedwitness.config.reading import load_section
from seedwitness.config.steps import ReachSettings, SearchSettings
from seedwitness.config.verdicts import DetectorSettings, ScoreSettings
from seedwitness.records.tables import DETECTIONS, REACH, write_table
from seedwitness.runtime.files import replace_whole
from seedwitness.stages import frozen, output_path
from seedwitness.stages._checkpoint import loaded_as
from seedwitness.stages._inputs import prompts
from seedwitness.stages._target import picture_of


def run(target: str, checkpoint: str) -> None:
    """Write ``reach.parquet`` (``records.REACH``), and a picture of each rung of the first seed.

    ``images/NUMBER.png`` are numbered as the rungs are in the table. ``detectors.parquet`` is
    ``records.DETECTED``. With no strengths, or no detectors, their table is empty; with neither
    nothing is loaded.
    """
    protocol = frozen("reach")
    settings = load_section(ReachSettings, "reach", path=protocol)
    asking = load_section(DetectorSettings, "detectors", path=protocol)
    with replace_whole(output_path("reach", target, checkpoint)) as part:
        (part / "images").mkdir(parents=True)
        if not settings.strengths and not asking.names:
            write_table(part / "reach.parquet", [], REACH)
            write_table(part / "detectors.parquet", [], DETECTIONS)
            return

        from PIL import Image

        from seedwitness.detectors.asking import check_detectors, run_detectors
        from seedwitness.metrics import scoring
        from seedwitness.reachability import ladder

        search = load_section(SearchSettings, "search", path=protocol)
        score = load_section(ScoreSettings, "score", path=protocol)
        check_detectors(asking.names, "descriptor" in score.runnable)
        metrics = scoring.load(score.runnable, score.weights, score.batch)
        texts = list(prompts(target, 1)["text"])
        picture = picture_of(target)
        loaded = loaded_as(checkpoint)
        shown = ladder.pixels_for_search(loaded, picture, search)
        texts = texts or [""]
        alike = metrics["descriptor"].against if "descriptor" in metrics else None
        write_table(
            part / "detectors.parquet",
            run_detectors(loaded, texts[0], shown, asking, search, alike),
            DETECTIONS,
        )
        rungs = ladder.climb_ladder(loaded, shown[None], texts, settings, search)
        write_table(part / "reach.parquet", ladder.score_ladder(metrics, rungs, 0, shown), REACH)
        for number, rung in enumerate(each for each in rungs if each.seed == 0):
            made = rung.made[0].permute(1, 2, 0).contiguous().numpy()
            Image.fromarray(made).save(part / "images" / f"{number}.png")
