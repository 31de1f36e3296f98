"""The pipeline file of a target: what it declares, and when it is written or removed."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from seedwitness.config.params import Params, load_params
from seedwitness.config.target_pipeline import (
    IN_GIT,
    NAME,
    list_output_paths,
    make_target_pipeline,
    write_target_pipelines,
)
from seedwitness.config.targets import FOLDER, TargetSettings, write_target

ROOT = Path(__file__).parents[2]
OWL = TargetSettings(image="owl.png", pixels_sha256="a" * 64)
LOG = "a" * 16


@pytest.fixture
def params() -> Params:
    return load_params(ROOT / "params.yaml")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of two targets."""
    write_target("owl", OWL, tmp_path)
    write_target("heron", OWL.model_copy(update={"pixels_sha256": "b" * 64}), tmp_path)
    return tmp_path


def outputs(stage: dict[str, Any]) -> list[str]:
    outs = stage.get("outs", [])
    return [str(next(iter(each)) if isinstance(each, dict) else each) for each in outs]


def test_every_target_gets_a_file_of_its_own(project: Path, params: Params) -> None:
    assert write_target_pipelines(params, project)
    for name in ("owl", "heron"):
        pipeline = yaml.safe_load((project / FOLDER / name / NAME).read_text())
        image = f"data/targets/{name}/owl.png"
        assert pipeline["stages"]["prepare"]["deps"] == sorted(
            ["data/plan/prepare.json", image, f"data/targets/{name}/target.yaml"]
        )
        assert {f"search-{key}" for key in params.checkpoints} <= set(pipeline["stages"])
    assert not write_target_pipelines(params, project / "without targets")


def test_unchanged_files_are_not_rewritten(project: Path, params: Params) -> None:
    write_target_pipelines(params, project)
    before = (project / FOLDER / "owl" / NAME).stat().st_mtime_ns
    assert not write_target_pipelines(params, project)
    assert (project / FOLDER / "owl" / NAME).stat().st_mtime_ns == before
    one = next(iter(params.checkpoints.values()))
    more = params.model_copy(update={"checkpoints": {**params.checkpoints, "more": one}})
    assert write_target_pipelines(more, project)
    assert "search-more:" in (project / FOLDER / "owl" / NAME).read_text()


def test_a_caption_is_in_no_pipeline(project: Path, params: Params) -> None:
    write_target_pipelines(params, project)
    write_target("owl", OWL.model_copy(update={"caption": "${x} an owl"}), project)
    assert not write_target_pipelines(params, project)


def test_the_file_of_what_is_no_target_is_removed(project: Path, params: Params) -> None:
    write_target_pipelines(params, project)
    folder = project / FOLDER / "heron"
    (folder / "dvc.lock").write_text("a lock")
    (folder / "target.yaml").unlink()
    own = project / FOLDER / "mine" / NAME
    own.parent.mkdir()
    own.write_text("stages: {}\n")
    assert write_target_pipelines(params, project)
    assert not (folder / NAME).exists()
    assert (folder / "dvc.lock").exists()
    assert own.exists()  # a file that `compose` did not write


@pytest.mark.parametrize("checkpoints", [["own"], ["own", "clean", "other"]])
def test_every_dependency_is_an_output_of_a_stage(checkpoints: list[str]) -> None:
    stages = make_target_pipeline("owl", OWL, checkpoints, "clean")["stages"]
    shared = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    stage_outs = [Path(out) for stage in stages.values() for out in outputs(stage)]
    for stage in shared.values():
        stage_outs += [Path(out.replace("/${key}", "")) for out in outputs(stage.get("do", stage))]
    from_git = {FOLDER / "owl" / name for name in ("owl.png", "target.yaml")}
    for name, stage in stages.items():
        for dep in map(Path, stage["deps"]):
            folder = dep.parts[:2]
            by_shared = folder in {out.parts[:2] for out in stage_outs}
            assert by_shared or dep in from_git, f"{name}: {dep}"
            own = [
                out for out in stage_outs if out.parts[:3] == dep.parts[:3] and "owl" in dep.parts
            ]
            if "owl" in dep.parts[2:3] and dep not in from_git:
                within = any(dep.is_relative_to(out) or out.is_relative_to(dep) for out in own)
                assert within, f"{name}: {dep}"


def test_only_the_report_depends_on_a_cover_sheet(project: Path, params: Params) -> None:
    sheet = FOLDER / "owl" / "case.yaml"
    write_target_pipelines(params, project)
    (project / sheet).write_text("case_number: 1\n")
    assert write_target_pipelines(params, project)
    stages = yaml.safe_load((project / FOLDER / "owl" / NAME).read_text())["stages"]
    assert [name for name, each in stages.items() if sheet.as_posix() in each["deps"]] == ["report"]
    other = yaml.safe_load((project / FOLDER / "heron" / NAME).read_text())["stages"]
    assert not any("case.yaml" in dep for dep in other["report"]["deps"])


def test_no_two_stages_have_the_same_output() -> None:
    stages = make_target_pipeline("owl", OWL, ["own", "clean"], "clean")["stages"]
    stage_outs = [out for stage in stages.values() for out in outputs(stage)]
    assert len(stage_outs) == len(set(stage_outs))


def test_every_stage_that_looks_at_the_image_waits_for_the_entry_in_the_log() -> None:
    """By the outputs that lead from ``attempt`` to it."""
    stages = make_target_pipeline("owl", OWL, ["own", "clean"], "clean")["stages"]
    after = {"attempt"}
    for _ in stages:
        written = [Path(out) for name in after for out in outputs(stages[name])]
        after |= {
            name
            for name, stage in stages.items()
            if any(Path(dep).is_relative_to(out) for dep in stage["deps"] for out in written)
        }
    assert after == set(stages) - {"prepare"}


def test_what_git_keeps_lies_in_the_folders_of_the_image_and_is_not_removed_by_a_run() -> None:
    stages = make_target_pipeline("owl", OWL, ["own", "clean"], "clean")["stages"]
    assert IN_GIT == {"cache": False, "persist": True}
    kept = [out for stage in stages.values() for out in stage["outs"] if isinstance(out, dict)]
    assert kept == [{f"data/attempts/{LOG}": IN_GIT}, {f"data/outcomes/{LOG}": IN_GIT}]
    assert "reports/owl" in stages["report"]["outs"]  # which DVC caches
    # A report counts attempts on its image alone: others do not make it stale.
    assert f"data/attempts/{LOG}" in stages["report"]["deps"]


def test_the_paths_of_outputs_are_those_that_dvc_keeps(project: Path, params: Params) -> None:
    write_target_pipelines(params, project)
    paths = list_output_paths("owl", project)
    assert project / "reports/owl" in paths
    assert all("owl" in path.relative_to(project).parts for path in paths)
    assert not any("attempts" in path.parts or "outcomes" in path.parts for path in paths)
    shutil.rmtree(project / FOLDER / "owl")
    assert list_output_paths("owl", project) == []


def test_the_question_exposed_is_a_stage_only_where_it_is_on(project: Path, params: Params) -> None:
    write_target_pipelines(params, project)
    path = project / FOLDER / "owl" / NAME
    off = yaml.safe_load(path.read_text())["stages"]
    assert "expose" not in off
    on = params.model_copy(update={"expose": params.expose.model_copy(update={"enabled": True})})
    assert write_target_pipelines(on, project)
    stages = yaml.safe_load(path.read_text())["stages"]
    assert set(stages) - set(off) == {"expose"}
    deps = stages["expose"]["deps"]
    for name in params.checkpoints:
        assert f"data/losses/{name}/losses.parquet" in deps
        assert f"data/scan/owl/{name}/scan.json" in deps
    assert str(params.controls.watch) in deps
    assert "data/targets/owl/owl.png" in deps
    assert "data/expose/owl" in stages["report"]["deps"]
    assert {stage: off[stage] for stage in off if stage != "report"} == {
        stage: stages[stage] for stage in off if stage != "report"
    }
