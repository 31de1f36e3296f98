"""Search one case, prompts × seeds under a budget: ``data/search/TARGET/CHECKPOINT/``.

How long it took stands apart, in ``data/seconds/TARGET/CHECKPOINT/``: that differs from run to run,
and what depends on the search must not run again for it.
"""

from __future__ import annotations

from time import perf_counter

from seedwitness.config.reading import load_section
from seedwitness.config.steps import SearchSettings
from seedwitness.records.tables import PROMPTS, write_table
from seedwitness.runtime.files import replace_whole
from seedwitness.stages import frozen, output_path
from seedwitness.stages._checkpoint import loaded_as
from seedwitness.stages._inputs import copies, prompts
from seedwitness.stages._target import picture_of


def run(target: str, checkpoint: str) -> None:
    """Write every trial, its final latent, and why the search stopped."""
    from seedwitness.detectors import steering
    from seedwitness.search import case_search, results

    protocol = frozen("search")
    settings = load_section(SearchSettings, "search", path=protocol)
    case_search.check_search_settings(settings)
    steering.check_preselection(settings)
    candidates = prompts(target, settings.num_candidates)
    picture = picture_of(target)
    loaded = loaded_as(checkpoint)

    began = perf_counter()
    candidates, steered, rest = steering.preselect_prompts(loaded, candidates, settings)
    case = case_search.SearchCase(picture, tuple(candidates["text"]))
    searched = case_search.search_cases(
        loaded, {target: case}, rest, copies=copies(loaded, settings, protocol)
    )
    seconds = perf_counter() - began

    outcome = searched.outcomes[target]
    about = results.summarise_search(target, loaded, settings, case, outcome)
    spent = settings.budget_nfe - rest.budget_nfe
    about = about.model_copy(update={"nfe": about.nfe + spent, "steered": steered})
    places = zip(candidates["text"], candidates["rank"], candidates["source"], strict=True)
    with replace_whole(output_path("search", target, checkpoint)) as part:
        part.mkdir()
        write_table(part / "prompts.parquet", candidates, PROMPTS)
        ranked = {text: (rank, source) for text, rank, source in places}
        results.write_trials(part, outcome, ranked, settings.latents, settings.strategy.name)
        about.write(part / "search.json")
    results.write_seconds(output_path("seconds", target, checkpoint), seconds, searched)
