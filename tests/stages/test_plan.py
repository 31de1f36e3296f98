"""The analysis plan: what a stage reads was written down, and is what its pipeline declares."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from settling import COMMITTED, change, settle, write_materials

from seedwitness.config.stage_settings import PLAN_FOLDER, STAGE_SETTINGS
from seedwitness.config.target_pipeline import make_target_pipeline
from seedwitness.config.targets import TargetSettings, write_target
from seedwitness.errors import ConfigError
from seedwitness.records.attempts import PLANS
from seedwitness.runtime.hashes import sha256_file
from seedwitness.stages import output_path, run_stage, stage_names
from seedwitness.stages.plan import BEFORE_THE_PLAN, NOT_PLANNED, PLAN

PIPELINE = yaml.safe_load((Path(__file__).parents[2] / "dvc.yaml").read_text())["stages"]
OWL = TargetSettings(image="owl.png", pixels_sha256="a" * 64)
OF_A_TARGET = make_target_pipeline("owl", OWL, ["own", "clean"], "clean", exposes=True)["stages"]
STAGES = PIPELINE | OF_A_TARGET


def commands(name: str) -> list[str]:
    stage = STAGES[name].get("do", STAGES[name])
    lines = stage["cmd"] if isinstance(stage["cmd"], list) else [stage["cmd"]]
    return [line.split()[2] for line in lines if line.startswith("seedwitness stage")]


def dependencies(name: str) -> list[str]:
    deps: list[str] = STAGES[name].get("do", STAGES[name])["deps"]
    return deps


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    settle(tmp_path)
    return tmp_path


def settings(stage: str) -> dict[str, Any]:
    return dict(json.loads((PLAN_FOLDER / f"{stage}.json").read_text())["settings"])


def test_a_stage_gets_the_entries_that_its_class_names(project: Path) -> None:
    search = settings("search")
    assert search["search"] == COMMITTED["search"]
    assert search["copy_criteria"] == COMMITTED["judge"]["copy_criteria"]
    assert search["metric_batch"] == COMMITTED["score"]["batch"]
    assert set(search) == set(STAGE_SETTINGS["search"].model_fields)


def test_defaults_are_written_out(project: Path) -> None:
    settle(project, lookup={})
    plan = json.loads(PLAN.read_text())
    assert plan["lookup"] == {
        "neighbours": 10,
        "near_duplicate": 0.9,
        "copy_descriptor": 0.75,
        "copy_pdq": 31,
    }


def test_the_plan_holds_what_decides_a_finding_and_nothing_else(project: Path) -> None:
    before = PLAN.read_bytes()
    assert set(json.loads(before)) == set(COMMITTED) - set(NOT_PLANNED) | {"materials"}
    change(project, "report", images=COMMITTED["report"]["images"] + 1)
    change(project, "tracking", experiment="another")
    name, checkpoint = next(iter(COMMITTED["checkpoints"].items()))
    change(project, "checkpoints", **{name: {**checkpoint, "path": "data/lab/elsewhere"}})
    write_target("owl", OWL)
    change(project, "report", title="with a target more")
    assert PLAN.read_bytes() == before
    change(project, "judge", alpha=COMMITTED["judge"]["alpha"] * 2)
    assert PLAN.read_bytes() != before


def test_other_controls_are_another_plan(project: Path) -> None:
    def picture(colour: str) -> None:
        Image.new("RGB", (8, 8), colour).save("controls/a.png")

    Path("controls").mkdir()
    Path("controls/metadata.jsonl").write_text('{"file_name": "a.png", "text": "a sheet"}\n')
    Path("clip").mkdir()
    Path("clip/weights").write_bytes(b"none")
    picture("red")
    change(project, "controls", path="controls", watch="controls", learned=None)
    change(project, "corpus", path="controls", descriptor=None)
    change(project, "clip", path="clip", watch="clip")
    change(project, "judge", metric="patch-l2")
    change(project, "score", weights={}, metrics=["patch-l2"])

    def plan() -> dict[str, Any]:
        run_stage("materials", [])
        run_stage("plan", [])
        return dict(json.loads(PLAN.read_bytes()))

    first = plan()
    picture("blue")
    second = plan()
    assert first["materials"]["controls"] != second["materials"]["controls"]
    assert {**first, "materials": None} == {**second, "materials": None}
    picture("red")
    assert plan() == first


def test_other_phrases_make_the_stages_stale_that_rank_them(project: Path) -> None:
    before = {name: settings(name) for name in STAGE_SETTINGS}
    write_materials(project, phrases="f00")
    run_stage("plan", [])
    changed = {name for name in STAGE_SETTINGS if settings(name) != before[name]}
    assert changed == {"recover", "controls"}


def test_every_plan_that_was_tried_is_kept_under_its_hash(project: Path) -> None:
    def read_plans() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in PLANS.iterdir()}

    first = PLAN.read_bytes()
    assert read_plans() == {f"{sha256_file(PLAN)}.json": first}
    alpha = COMMITTED["judge"]["alpha"]
    change(project, "judge", alpha=alpha * 2)
    both = read_plans()
    assert sorted(both.values()) == sorted([first, PLAN.read_bytes()])
    assert both[f"{sha256_file(PLAN)}.json"] == PLAN.read_bytes() != first
    change(project, "judge", alpha=alpha)  # back again: that plan is kept already
    assert PLAN.read_bytes() == first
    assert read_plans() == both


def test_inconsistent_settings_are_no_plan(project: Path) -> None:
    before = PLAN.read_bytes()
    with pytest.raises(ConfigError, match="no checkpoint is called 'lab-cleen'"):
        change(project, "judge", reference="lab-cleen")
    assert PLAN.read_bytes() == before


def test_without_a_plan_no_stage_runs(project: Path) -> None:
    (PLAN_FOLDER / "judge.json").unlink()
    with pytest.raises(ConfigError, match=r"`dvc repro plan` writes it"):
        run_stage("judge", ["owl"])


def test_every_stage_is_in_a_pipeline_and_depends_on_its_own_part_of_the_plan() -> None:
    run = {name: commands(name) for name in STAGES}
    assert {stage for names in run.values() for stage in names} == set(stage_names())
    for name, stages in run.items():
        files = map(Path, dependencies(name))
        parts = {file.stem for file in files if file.parent == PLAN_FOLDER}
        expected = {stage for stage in stages if stage not in BEFORE_THE_PLAN}
        assert parts - {"plan"} == expected, name


def test_the_plan_depends_on_every_section_that_it_holds() -> None:
    sections = {
        entry.split(".")[0] for kind in STAGE_SETTINGS.values() for entry in kind.entries().values()
    }
    sections |= set(COMMITTED) - set(NOT_PLANNED)
    assert set(PIPELINE["plan"]["params"]) == sections - {"materials"}


def test_a_caption_is_no_setting_of_a_stage_but_a_file_that_it_depends_on(project: Path) -> None:
    before = {path: path.read_bytes() for path in PLAN_FOLDER.rglob("*.json")}
    write_target("owl", OWL.model_copy(update={"caption": "an owl at night"}))
    run_stage("plan", [])
    assert {path: path.read_bytes() for path in PLAN_FOLDER.rglob("*.json")} == before
    depending = {
        name for name in OF_A_TARGET if "data/targets/owl/target.yaml" in dependencies(name)
    }
    assert depending == {
        *("prepare", "attempt", "recover", "judge", "expose"),
        *("reach-own", "reach-clean"),  # a stated caption is one of the prompt classes
    }


def test_git_keeps_plans_and_attempts_and_a_run_removes_none() -> None:
    in_git = {
        next(iter(out)): out
        for stage in STAGES.values()
        for out in stage.get("do", stage).get("outs", [])
        if isinstance(out, dict)
    }
    options = {"cache": False, "persist": True}
    assert in_git == {
        path: {path: options}
        for path in ("data/plans", f"data/attempts/{'a' * 16}", f"data/outcomes/{'a' * 16}")
    }
    ignored = (Path(__file__).parents[2] / ".gitignore").read_text().splitlines()
    for path in in_git:
        assert not {f"/{path.rpartition('/')[0]}/", f"/{path}/"} & set(ignored)


def test_what_dvc_lists_as_outputs_is_what_the_stages_write(project: Path) -> None:
    """A folder or file of ``data/`` that no stage declares would travel with no clone."""
    declared = {
        str(next(iter(out)) if isinstance(out, dict) else out)
        for stage in STAGES.values()
        for out in [*stage.get("do", stage).get("outs", []), *stage.get("metrics", [])]
    }
    written = {Path(out).parts[1] for out in declared if out.startswith("data/")}
    folders = set(stage_names()) - {"publish", "report"}
    assert written == folders | {"attempts", "outcomes", "pictures", "plans", "timings"}
    assert output_path("plan").as_posix() in declared
