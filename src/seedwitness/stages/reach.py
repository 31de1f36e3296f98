"""How near one checkpoint comes to a target that it is shown: ``data/reach/TARGET/CHECKPOINT/``."""

from __future__ import annotations

from seedwitness import config, records
from seedwitness.files import replacing
from seedwitness.pictures import decoded
from seedwitness.stages import frozen, place, prompts


def run(target: str, checkpoint: str) -> None:
    """Write ``reach.parquet`` (``records.REACH``), and a picture of each rung of the first seed.

    ``images/NUMBER.png`` are numbered as the rungs are in the table. With no strengths the table
    is empty, and nothing is loaded.
    """
    protocol = frozen("reach")
    settings = config.section(config.Reach, "reach", path=protocol)
    with replacing(place("reach", target, checkpoint)) as part:
        (part / "images").mkdir(parents=True)
        if not settings.strengths:
            records.write_table(part / "reach.parquet", [], records.REACH)
            return

        from PIL import Image

        from seedwitness.checkpoints.loading import load
        from seedwitness.metrics import scoring
        from seedwitness.search import reach

        search = config.section(config.Search, "search", path=protocol)
        score = config.section(config.Score, "score", path=protocol)
        metrics = scoring.load(score.metrics, score.weights, score.batch)
        texts = list(prompts(target, 1)["text"])
        picture = decoded(
            place("prepare", target) / "image.png", f"`dvc repro prepare@{target}` writes it."
        )
        identity = records.read(
            records.Checkpoint, place("identify", checkpoint) / "checkpoint.json"
        )
        described = config.section(config.Checkpoint, "checkpoints", checkpoint)
        loaded = load(checkpoint, described, identity)
        shown = reach.pixels(loaded, picture, search)
        rungs = reach.ladder(loaded, shown[None], texts or [""], settings, search)
        records.write_table(
            part / "reach.parquet", reach.scored(metrics, rungs, 0, shown), records.REACH
        )
        for number, rung in enumerate(each for each in rungs if each.seed == 0):
            made = rung.made[0].permute(1, 2, 0).contiguous().numpy()
            Image.fromarray(made).save(part / "images" / f"{number}.png")
