"""Replay a case's recipes on the reference checkpoint: ``data/replay/TARGET/CHECKPOINT/``.

The reference never saw the target. What it makes of the same prompts and the same noise is what
anyone would have drawn.
"""

from __future__ import annotations

from seedwitness.config.stage_settings import ReplayStage, load_stage_settings
from seedwitness.records.recipe import Recipe
from seedwitness.records.search import ReplaySummary
from seedwitness.records.tables import TRIALS, read_table, write_table
from seedwitness.runtime.files import replace_whole
from seedwitness.stages import output_path
from seedwitness.stages._checkpoint import load_identified, record_cache_use
from seedwitness.stages._identity import load_identity
from seedwitness.stages._target_image import load_target_image


def run(target: str, checkpoint: str) -> None:
    """Write ``trials.parquet``, final latents and ``replay.json``; a trial keeps its id."""
    settings = load_stage_settings("replay", ReplayStage)
    reference = settings.reference
    summary = ReplaySummary(
        target=target,
        checkpoint=checkpoint,
        reference=reference,
        reference_sha256=load_identity(reference).sha256,
        distance="",
        trials=0,
        nfe=0,
    )
    if checkpoint != reference:
        _replay(summary, settings)
        return
    with replace_whole(output_path("replay", target, checkpoint)) as part:
        part.mkdir()
        write_table(part / "trials.parquet", [], TRIALS)
        summary.write(part / "replay.json")
    record_cache_use("replay", (), target, checkpoint)


def _replay(summary: ReplaySummary, settings: ReplayStage) -> None:
    from seedwitness.search import results
    from seedwitness.search.case_search import replay_recipes

    keys = (summary.target, summary.checkpoint)
    trials = read_table(output_path("search", *keys) / "trials.parquet", TRIALS)
    recipes = [Recipe.from_row(row) for _, row in trials.iterrows()]
    image = load_target_image(summary.target)
    loaded = load_identified(summary.reference, recipes[0].dtype)
    replayed = replay_recipes(loaded, recipes, image, settings.search)
    outcome = replayed.outcomes[""]
    prompts = trials.rename(
        columns={"prompt": "text", "prompt_rank": "rank", "prompt_source": "source"}
    )
    done = summary.model_copy(
        update={
            "distance": settings.search.distance,
            "trials": len(outcome.recipes),
            "nfe": outcome.nfe,
        }
    )
    with replace_whole(output_path("replay", *keys)) as part:
        part.mkdir()
        ranks = results.index_prompt_ranks(prompts)
        results.write_trials(part, outcome, ranks, settings.search.latents, "replay")
        done.write(part / "replay.json")
    record_cache_use("replay", replayed.keys, *keys)
