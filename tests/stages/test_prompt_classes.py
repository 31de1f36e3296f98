"""Prompt classes and refinement in the stages, for a target and for controls, into the report."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from seedwitness.prompts.specificity import LEVELS
from seedwitness.records.document import read_document
from seedwitness.records.prompt_recovery import PromptRecovery, PromptRefinement
from seedwitness.records.search import SearchSummary
from seedwitness.records.tables import CONTROL_REACH, PROMPTS, REACH, read_table
from seedwitness.stages import run_stage

STAGES = ("prepare", "attempt", "recover", "lookup")
CASE_STAGES = ("search", "scan", "reach", "replay", "score")
CAPTION = "an owl by Ilo Vanterpool, dreamy mood"


@pytest.fixture(scope="module")
def examined(
    tmp_path_factory: pytest.TempPathFactory, small_project: Callable[[Path], None]
) -> Path:
    """The small project with classes and refinement, run for one of its targets."""
    root = tmp_path_factory.mktemp("classes")
    small_project(root)
    shutil.rmtree(root / "data/targets/flat")
    (root / "pictures/wild.txt").write_text("an owl\na misty cat by Mara Tindholt\n")
    params = yaml.safe_load((root / "params.yaml").read_text())
    params["recover"]["methods"] = ["user", "phrases", "interrogate", "caption"]
    params["search"] |= {
        "budget_nfe": 224,
        "refinement": {"budget_nfe": 200, "finalists": 3, "steps": 2, "methods": ["evolve"]},
    }
    params["reach"] |= {"strengths": [], "controls": 3, "specificity_seeds": 0}
    params["reach"]["classes"] = {
        "classes": ["verbatim", "reworded", "generic", "in the wild", "recovered"],
        "seeds": 4,
        "wild": "pictures/wild.txt",
        "wild_count": 2,
    }
    params["detectors"]["names"] = []
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    settings = root / "data/targets/owl/target.yaml"
    target = yaml.safe_load(settings.read_text())
    settings.write_text(yaml.safe_dump(target | {"caption": CAPTION}))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for stage in ("materials", "plan"):
            run_stage(stage, [])
        for name in ("own", "clean"):
            run_stage("identify", [name])
        run_stage("index", [])
        for stage in STAGES:
            run_stage(stage, ["owl"])
        for stage in CASE_STAGES:
            for name in ("own", "clean"):
                run_stage(stage, ["owl", name])
        for name in ("own", "clean"):
            run_stage("controls", [name])
        for stage in ("judge", "report"):
            run_stage(stage, ["owl"])
    return root


def test_refined_prompts_are_searched_within_the_budget(examined: Path) -> None:
    folder = examined / "data/search/owl/own"
    refinement = read_document(PromptRefinement, folder / "refinement.json")
    summary = read_document(SearchSummary, folder / "search.json")
    assert refinement.nfe <= refinement.budget_nfe == 200
    assert summary.prompts == [each.prompt for each in refinement.prompts if each.selected]
    assert summary.nfe <= 224
    prompts = read_table(folder / "prompts.parquet", PROMPTS)
    assert prompts["text"].tolist() == summary.prompts
    recovery = read_document(PromptRecovery, examined / "data/recover/owl/recover.json")
    assert recovery.tables == "our own tables"
    assert recovery.captioners == ["caption-stand-in"]
    assert recovery.negative_prompt
    assert len(recovery.shortlist) == 256
    assert not recovery.ended_by_time


def test_every_class_has_the_same_seeds_for_target_and_controls(examined: Path) -> None:
    reach = read_table(examined / "data/reach/owl/own/reach.parquet", REACH)
    rungs = [f"class: {each}" for each in ("verbatim", "reworded", "generic", "in the wild")]
    rungs += ["class: recovered", *(f"words: {level}" for level in LEVELS)]
    assert list(dict.fromkeys(reach["rung"])) == rungs
    for _, rows in reach.groupby(["rung", "metric"]):
        assert rows["seed"].tolist() == [0, 1, 2, 3]
    by_rung = reach.groupby("rung")["prompt"].unique().map(list)
    assert by_rung["class: verbatim"] == [CAPTION]
    assert by_rung["words: without proper names"] == ["an owl, dreamy mood"]
    assert by_rung["class: generic"] == ["an owl"]
    assert by_rung["class: in the wild"] == ["an owl", "a misty cat by Mara Tindholt"]
    controls = read_table(examined / "data/controls/own/reach.parquet", CONTROL_REACH)
    assert controls["control"].nunique() == 3
    for _, rows in controls.groupby("control"):
        assert list(dict.fromkeys(rows["rung"])) == rungs
    assert controls.loc[controls["rung"] == "class: verbatim", "prompt"].nunique() > 1
    images = examined / "data/reach/owl/own/images"
    assert len(list(images.glob("*.png"))) == len(rungs)


def test_the_evidence_has_the_table_of_paired_rates(examined: Path) -> None:
    evidence = json.loads((examined / "reports/owl/evidence.json").read_text())
    own, clean = (
        next(case for case in evidence["cases"] if case["checkpoint"] == name)
        for name in ("own", "clean")
    )
    assert [each["rung"] for each in own["prompt_classes"]][:2] == [
        "class: verbatim",
        "class: reworded",
    ]
    for number, each in enumerate(own["prompt_classes"]):
        assert each["copies"]["n"] == each["reference_copies"]["n"] == 4
        assert each["controls"] <= 3
        assert (each["difference"] is None) == (number == 0)
        if number:
            assert each["difference"]["p"] <= each["p_family"] <= 1
    assert all(each["reference_copies"] is None for each in clean["prompt_classes"])
