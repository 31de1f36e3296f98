"""A case's recipes on the reference checkpoint, paired: ``data/replay/TARGET/CHECKPOINT/``.

The reference never saw the target: what it makes of the same prompts and the same noise is what
anyone would have drawn.
"""

from __future__ import annotations

from seedwitness.config.reading import load_section
from seedwitness.config.steps import SearchSettings
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.document import read_document
from seedwitness.records.recipe import Recipe
from seedwitness.records.search import ReplaySummary
from seedwitness.records.tables import TRIALS, read_table, write_table
from seedwitness.runtime.files import replace_whole
from seedwitness.stages import frozen, output_path
from seedwitness.stages._checkpoint import loaded_as
from seedwitness.stages._target import picture_of


def run(target: str, checkpoint: str) -> None:
    """Write ``trials.parquet``, final latents and ``replay.json``; a trial keeps its id."""
    protocol = frozen("replay")
    reference = load_section(str, "judge", "reference", path=protocol)
    identified = read_document(
        CheckpointIdentity, output_path("identify", reference) / "checkpoint.json"
    )
    about = ReplaySummary(
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
        _replayed(about, load_section(SearchSettings, "search", path=protocol))
        return
    with replace_whole(output_path("replay", target, checkpoint)) as part:
        part.mkdir()
        write_table(part / "trials.parquet", [], TRIALS)
        about.write(part / "replay.json")


def _replayed(about: ReplaySummary, settings: SearchSettings) -> None:
    from seedwitness.search import case_search, results

    trials = read_table(
        output_path("search", about.target, about.checkpoint) / "trials.parquet", TRIALS
    )
    recipes = [Recipe.from_row(row) for _, row in trials.iterrows()]
    picture = picture_of(about.target)
    loaded = loaded_as(about.reference, recipes[0].dtype)
    searched = case_search.replay_recipes(loaded, recipes, picture, settings)
    outcome = searched.outcomes[""]
    prompts = {
        str(row["prompt"]): (int(row["prompt_rank"]), str(row["prompt_source"]))
        for _, row in trials.iterrows()
    }
    done = about.model_copy(
        update={
            "guide": settings.distance,
            "trials": len(outcome.recipes),
            "nfe": outcome.nfe,
            "note": f"every recipe of the search, on {about.reference}",
        }
    )
    with replace_whole(output_path("replay", about.target, about.checkpoint)) as part:
        part.mkdir()
        results.write_trials(part, outcome, prompts, settings.latents, "replay")
        done.write(part / "replay.json")
