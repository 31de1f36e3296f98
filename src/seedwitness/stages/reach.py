"""What stands beside a finding, and is no part of it: ``data/reach/TARGET/CHECKPOINT/``.

How near the checkpoint comes to a target that it is shown, and what published detectors say.
"""

from __future__ import annotations

from seedwitness import config, records
from seedwitness.runtime.files import replacing
from seedwitness.stages import frozen, place
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
    settings = config.section(config.Reach, "reach", path=protocol)
    asking = config.section(config.Detectors, "detectors", path=protocol)
    with replacing(place("reach", target, checkpoint)) as part:
        (part / "images").mkdir(parents=True)
        if not settings.strengths and not asking.names:
            records.write_table(part / "reach.parquet", [], records.REACH)
            records.write_table(part / "detectors.parquet", [], records.DETECTED)
            return

        from PIL import Image

        from seedwitness.detectors.asking import asked, check
        from seedwitness.metrics import scoring
        from seedwitness.reachability import ladder

        search = config.section(config.Search, "search", path=protocol)
        score = config.section(config.Score, "score", path=protocol)
        check(asking.names, "descriptor" in score.run)
        metrics = scoring.load(score.run, score.weights, score.batch)
        texts = list(prompts(target, 1)["text"])
        picture = picture_of(target)
        loaded = loaded_as(checkpoint)
        shown = ladder.pixels(loaded, picture, search)
        texts = texts or [""]
        alike = metrics["descriptor"].against if "descriptor" in metrics else None
        records.write_table(
            part / "detectors.parquet",
            asked(loaded, texts[0], shown, asking, search, alike),
            records.DETECTED,
        )
        rungs = ladder.ladder(loaded, shown[None], texts, settings, search)
        records.write_table(
            part / "reach.parquet", ladder.scored(metrics, rungs, 0, shown), records.REACH
        )
        for number, rung in enumerate(each for each in rungs if each.seed == 0):
            made = rung.made[0].permute(1, 2, 0).contiguous().numpy()
            Image.fromarray(made).save(part / "images" / f"{number}.png")
