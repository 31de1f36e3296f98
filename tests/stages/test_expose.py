"""The question *exposed* from the controls' losses to the findings, on a small project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from invented_cases import scan
from PIL import Image, ImageOps
from target_images import write_image

from seedwitness.config.stage_settings import ExposeStage, load_stage_settings
from seedwitness.records.document import read_document
from seedwitness.records.exposure import CONTROL_LOSSES, ExposedFindings
from seedwitness.records.recipe import Recipe
from seedwitness.records.tables import read_table
from seedwitness.stages import output_path, run_stage
from seedwitness.verdict.exposed import judge_exposed
from seedwitness.verdict.exposure_data import read_exposure

RECIPE = Recipe("a red fish", 0, 32, 32, "ddim", 2, 3.0)


def turn_on(root: Path) -> None:
    params = yaml.safe_load((root / "params.yaml").read_text())
    params["expose"] |= {"enabled": True, "levels": [0.3, 0.6], "noises": 2}
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


@pytest.fixture
def project(
    tmp_path: Path, small_project: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> Path:
    monkeypatch.chdir(tmp_path)
    small_project(tmp_path)
    control = Image.open(tmp_path / "pictures/outside/8.png").convert("RGB")
    write_image(tmp_path, "mirrored", ImageOps.mirror(control))
    write_image(tmp_path, "seen", Image.open(tmp_path / "pictures/seen/1.png"))
    return tmp_path


def run(targets: tuple[str, ...]) -> dict[str, ExposedFindings]:
    for stage in ("materials", "plan"):
        run_stage(stage, [])
    for name in ("own", "clean"):
        run_stage("identify", [name])
        run_stage("losses", [name])
    findings = {}
    for target in targets:
        run_stage("prepare", [target])
        for name in ("own", "clean"):
            folder = output_path("scan", target, name)
            folder.mkdir(parents=True, exist_ok=True)
            scan(target, name, RECIPE, recovered=False).write(folder / "scan.json")
        run_stage("expose", [target])
        findings[target] = read_document(
            ExposedFindings, output_path("expose", target) / "exposed.json"
        )
    return findings


def test_where_it_is_off_nothing_is_loaded_or_measured(project: Path) -> None:
    for stage in ("materials", "plan"):
        run_stage(stage, [])
    run_stage("losses", ["own"])  # no checkpoint was identified: none is needed
    assert read_table(output_path("losses", "own") / "losses.parquet", CONTROL_LOSSES).empty


def test_findings_follow_from_the_files_and_name_what_excludes(project: Path) -> None:
    turn_on(project)
    findings = run(("owl", "mirrored", "seen", "flat"))
    codes = {
        target: {case.checkpoint: [reason.code for reason in case.reasons] for case in each.cases}
        for target, each in findings.items()
    }
    assert "target-among-controls" in codes["owl"]["own"]
    assert "target-overlaps-control" in codes["mirrored"]["own"]
    assert "target-flat" in codes["flat"]["own"]
    for each in codes.values():
        assert each["clean"][-1] == "exposed-without-reference"
    controls = read_table(output_path("losses", "own") / "losses.parquet", CONTROL_LOSSES)
    assert len(controls) == 6 * 2 * 4
    own = findings["seen"].cases[0]
    assert own.losses.nfe == 8
    assert own.losses.rank is not None
    assert own.losses.rank.controls == 6
    assert own.losses.timesteps == [300, 600]
    settings = load_stage_settings("expose", ExposeStage)
    again = judge_exposed(read_exposure(Path("data"), "seen", settings), settings)
    assert again == findings["seen"].cases


def test_a_caption_changes_the_losses_of_target_and_controls(project: Path) -> None:
    turn_on(project)
    plain = run(("seen",))["seen"].cases[0].losses
    write_image(
        project, "seen", Image.open(project / "pictures/seen/1.png"), caption="an owl at night"
    )
    stated = run(("seen",))["seen"].cases[0].losses
    assert (plain.prompt, stated.prompt) == ("", "an owl at night")
    assert plain.loss != stated.loss
    assert plain.gain != stated.gain
