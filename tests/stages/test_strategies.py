"""Every strategy runs as a stage, and says where its trials came from."""

from pathlib import Path

from laidout import COPY
from settling import change

from seedwitness import stages
from seedwitness.records.document import read_document
from seedwitness.records.search import SearchSummary
from seedwitness.records.tables import PROMPTS, TRIALS, read_table


def test_a_detector_decides_which_candidates_share_the_budget(project: Path) -> None:
    steer = {"detector": "one-step", "candidates": 3, "seeds": 1}
    change(project, "search", preselection=steer, prompts=1)
    stages.run_stage("search", ["owl", "own"])
    folder = project / "data/search/owl/own"
    about = read_document(SearchSummary, folder / "search.json")
    assert [each.prompt for each in about.preselected] == [
        "a red fish",
        "a blue lighthouse",
        "one too many",
    ]
    best = max(about.preselected, key=lambda each: each.value)
    assert about.prompts == [best.prompt]
    assert [each.selected for each in about.preselected] == [
        each is best for each in about.preselected
    ]
    assert read_table(folder / "prompts.parquet", PROMPTS)["text"].tolist() == about.prompts
    trials = read_table(folder / "trials.parquet", TRIALS)
    assert set(trials["prompt"]) == {best.prompt}
    # Two evaluations for each candidate, and what is left makes images of four.
    assert (about.nfe, about.trials) == (6 + 40, 10)


def test_what_is_carried_on_names_the_trial_that_it_came_from(project: Path) -> None:
    change(project, "search", strategy={"name": "halving"}, steps=8, budget_nfe=160)
    stages.run_stage("search", ["owl", "own"])
    trials = read_table(project / "data/search/owl/own/trials.parquet", TRIALS)
    trials = trials.set_index("trial", drop=False)
    assert set(trials["strategy"]) == {"halving"}
    assert set(trials["steps"]) == {4, 8}
    carried = trials[trials["steps"] == 8]
    parents = trials.loc[carried["parent"]]
    for column in ("prompt", "seed", "noise_sha256"):
        assert list(parents[column]) == list(carried[column])
    assert set(parents["steps"]) == {4}
    assert set(trials.loc[trials["steps"] == 4, "parent"]) == {""}
    first = trials[:8]  # the first bracket's
    assert set(trials["parent"][8:12]) == set(first.sort_values("latent_distance")["trial"][:4])


def test_a_search_may_estimate_how_rare_it_is_to_come_near(project: Path) -> None:
    plain = {"near": 0.0, "name": "subset-simulation"}
    change(project, "search", strategy=plain, budget_nfe=64 * 4, prompts=1)
    stages.run_stage("search", ["owl", "own"])
    about = read_document(SearchSummary, project / "data/search/owl/own/search.json")
    assert about.rare is not None
    assert (about.rare.near, about.rare.probability, about.rare.low) == (0.0, 0.0, 0.0)
    assert 0 < about.rare.high < 1
    trials = read_table(project / "data/search/owl/own/trials.parquet", TRIALS)
    moved = trials[trials["variations"] != ""]
    assert set(moved["variation_rule"]) == {"rotation"}
    assert set(moved["parent"]) <= set(trials["trial"])
    distances = [each.distance for each in about.rare.levels[:-1]]
    assert distances == sorted(distances, reverse=True)
    assert len(distances) > 2


def test_a_search_may_end_at_its_first_copy(project: Path) -> None:
    change(project, "judge", metric="patch-l2", copy_criteria=[COPY])
    change(project, "score", metrics=["patch-l2"], weights={})
    change(project, "search", stop={"copies": 3})
    stages.run_stage("search", ["owl", "own"])
    about = read_document(SearchSummary, project / "data/search/owl/own/search.json")
    assert (about.ended, about.trials, about.nfe) == ("copies", 3, 12)
    assert about.end_reason.code == "copies-reached"
    assert (about.end_reason.values["copies"], about.end_reason.values["trials"]) == (3, 3)
    change(project, "judge", copy_criteria=[{**COPY, "threshold": 0.0}])
    change(project, "search", stop={"rate": 0.5})
    stages.run_stage("search", ["owl", "own"])
    about = read_document(SearchSummary, project / "data/search/owl/own/search.json")
    assert (about.ended, about.trials) == ("futile", 5)
