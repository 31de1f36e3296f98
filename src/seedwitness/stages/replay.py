"""A case's recipes on the reference checkpoint, paired: ``data/replay/TARGET/CHECKPOINT/``.

The reference never saw the target: what it makes of the same prompts and the same noise is what
anyone would have drawn.
"""

from __future__ import annotations

from seedwitness import config
from seedwitness.records import TRIALS, Checkpoint, Recipe, Replay, read, read_table, write_table
from seedwitness.runtime.files import replacing
from seedwitness.stages import frozen, place
from seedwitness.stages._checkpoint import loaded_as
from seedwitness.stages._target import picture_of


def run(target: str, checkpoint: str) -> None:
    """Write ``trials.parquet``, final latents and ``replay.json``; a trial keeps its id."""
    protocol = frozen("replay")
    reference = config.section(str, "judge", "reference", path=protocol)
    identified = read(Checkpoint, place("identify", reference) / "checkpoint.json")
    about = Replay(
        target=target,
        checkpoint=checkpoint,
        reference=reference,
        reference_sha256=identified.sha256,
        guide="",
        trials=0,
        nfe=0,
        note=f"{checkpoint} is the reference checkpoint itself: there is nothing to replay.",
    )
    if checkpoint != reference:
        _replayed(about, config.section(config.Search, "search", path=protocol))
        return
    with replacing(place("replay", target, checkpoint)) as part:
        part.mkdir()
        write_table(part / "trials.parquet", [], TRIALS)
        about.write(part / "replay.json")


def _replayed(about: Replay, settings: config.Search) -> None:
    from seedwitness.search import case_search, results

    trials = read_table(place("search", about.target, about.checkpoint) / "trials.parquet", TRIALS)
    recipes = [Recipe.of(row) for _, row in trials.iterrows()]
    picture = picture_of(about.target)
    loaded = loaded_as(about.reference, recipes[0].dtype)
    searched = case_search.replay(loaded, recipes, picture, settings)
    outcome = searched.outcomes[""]
    prompts = {
        str(row["prompt"]): (int(row["prompt_rank"]), str(row["prompt_source"]))
        for _, row in trials.iterrows()
    }
    done = about.model_copy(
        update={
            "guide": settings.guide,
            "trials": len(outcome.recipes),
            "nfe": outcome.nfe,
            "note": f"every recipe of the search, on {about.reference}",
        }
    )
    with replacing(place("replay", about.target, about.checkpoint)) as part:
        part.mkdir()
        results.write_trials(part, outcome, prompts, settings.latents, "replay")
        done.write(part / "replay.json")
