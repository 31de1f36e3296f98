"""Search one case, prompts × seeds under a budget: ``data/search/TARGET/CHECKPOINT/``.

The timing stands apart, in ``data/timings/TARGET/CHECKPOINT/``: it differs from run to run, and
nothing that depends on the search may run again for it.
"""

from __future__ import annotations

from time import perf_counter

from seedwitness.config.stage_settings import SearchStage, load_stage_settings
from seedwitness.records.tables import PROMPTS, write_table
from seedwitness.runtime.files import replace_whole
from seedwitness.stages import output_path
from seedwitness.stages._checkpoint import load_identified, record_cache_use
from seedwitness.stages._early_stop import load_copy_test
from seedwitness.stages._prompts import load_phrases, load_prompts
from seedwitness.stages._target_image import load_target_image


def run(target: str, checkpoint: str) -> None:
    """Write every trial, its final latent, and why the search stopped."""
    from seedwitness.detectors.preselection import check_preselection, preselect_prompts
    from seedwitness.prompts.refinement import refine_prompts
    from seedwitness.search import results
    from seedwitness.search.case_search import SearchCase, check_search_settings, search_cases

    settings = load_stage_settings("search", SearchStage)
    search = settings.search
    check_search_settings(search)
    check_preselection(search)
    candidates = load_prompts(target, search.num_candidates)
    image = load_target_image(target)
    loaded = load_identified(checkpoint)

    began = perf_counter()
    candidates, preselected, remaining = preselect_prompts(loaded, candidates, search)
    phrases = load_phrases(target) if search.refinement else []
    candidates, refinement, remaining = refine_prompts(
        loaded, image, candidates, phrases, remaining
    )
    case = SearchCase(image, tuple(candidates["text"]))
    copy_test = load_copy_test(loaded, settings)
    whole = remaining.model_copy(update={"budget_nfe": remaining.budget_nfe + remaining.rate_nfe})
    searched = search_cases(loaded, {target: case}, whole, copy_test=copy_test)
    seconds = perf_counter() - began

    outcome = searched.outcomes[target]
    summary = results.summarise_search(target, loaded, search, case, outcome)
    spent = search.budget_nfe - remaining.budget_nfe
    summary = summary.model_copy(
        update={
            "budget_nfe": search.budget_nfe + search.rate_nfe,
            "nfe": summary.nfe + spent,
            "preselected": preselected,
            "rate_trials": results.count_rate_trials(outcome, remaining, case),
        }
    )
    with replace_whole(output_path("search", target, checkpoint)) as part:
        part.mkdir()
        if refinement is not None:
            refinement.write(part / "refinement.json")
        write_table(part / "prompts.parquet", candidates, PROMPTS)
        ranks = results.index_prompt_ranks(candidates)
        results.write_trials(part, outcome, ranks, search.latents, search.strategy.name)
        summary.write(part / "search.json")
    results.describe_timing(seconds, searched).write(
        output_path("timings", target, checkpoint) / "timing.json"
    )
    record_cache_use("search", searched.keys, target, checkpoint)
