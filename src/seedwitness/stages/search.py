"""Search one case, prompts × seeds under a budget: ``data/search/TARGET/CHECKPOINT/``.

How long it took stands apart, in ``data/seconds/TARGET/CHECKPOINT/``: that differs from run to run,
and what depends on the search must not run again for it.
"""

from __future__ import annotations

from time import perf_counter

from seedwitness import config
from seedwitness.records import PROMPTS, write_table
from seedwitness.runtime.files import replacing
from seedwitness.stages import frozen, place
from seedwitness.stages._checkpoint import loaded_as
from seedwitness.stages._inputs import copies, prompts
from seedwitness.stages._target import picture_of


def run(target: str, checkpoint: str) -> None:
    """Write every trial, its final latent, and why the search stopped."""
    from seedwitness.detectors import steering
    from seedwitness.search import case_search, results

    protocol = frozen("search")
    settings = config.section(config.Search, "search", path=protocol)
    case_search.check(settings)
    steering.check(settings)
    candidates = prompts(target, settings.candidates)
    picture = picture_of(target)
    loaded = loaded_as(checkpoint)

    began = perf_counter()
    candidates, steered, rest = steering.steered(loaded, candidates, settings)
    case = case_search.Case(picture, tuple(candidates["text"]))
    searched = case_search.run(
        loaded, {target: case}, rest, copies=copies(loaded, settings, protocol)
    )
    seconds = perf_counter() - began

    outcome = searched.outcomes[target]
    about = results.summary(target, loaded, settings, case, outcome)
    spent = settings.budget_nfe - rest.budget_nfe
    about = about.model_copy(update={"nfe": about.nfe + spent, "steered": steered})
    places = zip(candidates["text"], candidates["rank"], candidates["source"], strict=True)
    with replacing(place("search", target, checkpoint)) as part:
        part.mkdir()
        write_table(part / "prompts.parquet", candidates, PROMPTS)
        ranked = {text: (rank, source) for text, rank, source in places}
        results.write_trials(part, outcome, ranked, settings.latents, settings.strategy.name)
        about.write(part / "search.json")
    results.write_seconds(place("seconds", target, checkpoint), seconds, searched)
