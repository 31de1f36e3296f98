"""The pipeline file of a target: what it declares, and when it is written or removed."""

from pathlib import Path

import pytest
import yaml

from seedwitness.config.params import load_params
from seedwitness.config.target_pipeline import (
    FOLDER,
    NAME,
    make_target_pipeline,
    write_target_pipelines,
)

ROOT = Path(__file__).parents[2]


def test_the_committed_files_are_those_of_params(tmp_path: Path) -> None:
    params = load_params(ROOT / "params.yaml")
    assert write_target_pipelines(params, tmp_path)
    for name in params.targets:
        own = FOLDER / name / NAME
        assert (ROOT / own).read_bytes() == (tmp_path / own).read_bytes()


def test_unchanged_files_are_not_rewritten_and_unlisted_targets_removed(tmp_path: Path) -> None:
    params = load_params(ROOT / "params.yaml")
    write_target_pipelines(params, tmp_path)
    assert not write_target_pipelines(params, tmp_path)
    (tmp_path / FOLDER / "flat" / "dvc.lock").write_text("a lock")
    own = tmp_path / FOLDER / "mine" / NAME
    own.parent.mkdir()
    own.write_text("stages: {}\n")
    fewer = params.model_copy(
        update={"targets": {name: each for name, each in params.targets.items() if name != "flat"}}
    )
    assert write_target_pipelines(fewer, tmp_path)
    assert not (tmp_path / FOLDER / "flat" / NAME).exists()
    assert (tmp_path / FOLDER / "flat" / "dvc.lock").exists()
    assert own.exists()  # a file that `compose` did not write


def outputs(stage: dict[str, list[object]]) -> list[str]:
    return [str(next(iter(each)) if isinstance(each, dict) else each) for each in stage["outs"]]


@pytest.mark.parametrize("checkpoints", [["own"], ["own", "clean", "other"]])
def test_every_dependency_is_an_output_of_a_stage(checkpoints: list[str]) -> None:
    stages = make_target_pipeline("owl", Path("owl.png"), checkpoints, "clean")["stages"]
    shared = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    stage_outs = [Path(out) for stage in stages.values() for out in outputs(stage)]
    for stage in shared.values():
        stage_outs += [Path(out.replace("/${key}", "")) for out in outputs(stage.get("do", stage))]
    for name, stage in stages.items():
        for dep in map(Path, stage["deps"]):
            folder = dep.parts[:2]
            by_shared = folder in {out.parts[:2] for out in stage_outs}
            assert by_shared or dep == Path("owl.png"), f"{name}: {dep}"
            own = [
                out for out in stage_outs if out.parts[:3] == dep.parts[:3] and "owl" in dep.parts
            ]
            if "owl" in dep.parts[2:3]:
                within = any(dep.is_relative_to(out) or out.is_relative_to(dep) for out in own)
                assert within, f"{name}: {dep}"


def test_no_two_stages_have_the_same_output() -> None:
    stages = make_target_pipeline("owl", Path("owl.png"), ["own", "clean"], "clean")["stages"]
    stage_outs = [out for stage in stages.values() for out in outputs(stage)]
    assert len(stage_outs) == len(set(stage_outs))
