"""`seedwitness scan`: what its stage does, for any picture, any seeds and any protocols."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seedwitness.cli import app
from seedwitness.config.inputs import TargetSettings
from seedwitness.config.reading import load_section
from seedwitness.records.document import read_document
from seedwitness.records.seed_scan import SeedScan
from seedwitness.stages import output_path


def test_the_command_line_scans_a_listed_target_as_its_stage_does(here: Path) -> None:
    of_stage = read_document(SeedScan, output_path("scan", "owl", "own") / "scan.json")
    ended = CliRunner().invoke(app, ["scan", "owl", "--checkpoint", "own", "--json"])
    assert ended.exit_code == 0, ended.output
    said = json.loads(ended.stdout)
    assert all({"seed", "rng", "z", "p", "distance", "recovered"} <= set(s) for s in said["seeds"])
    for each in said["seeds"]:
        del each["distance"]
    assert said == of_stage.model_dump(mode="json")


def test_the_command_line_scans_any_picture_in_any_range(here: Path) -> None:
    path = str(load_section(TargetSettings, "targets", "owl").path)
    asked = ["--rng", "all", "--seeds", "8:9000", "--prompt", "an owl", "--prompt", "a cat"]
    ended = CliRunner().invoke(app, ["scan", path, "--checkpoint", "clean", *asked])
    assert ended.exit_code == 0, ended.output
    assert "Made by clean: inconclusive." in ended.stdout
    protocols = "torch-cpu, torch-cpu-float16, torch-cpu-bfloat16 and philox-nv"
    said = f"No seed from 8 to 8,999, 0.00021 % of them all, by {protocols}"
    assert said in ended.stdout


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["nothing.png", "--checkpoint", "own"], "neither a file nor a target"),
        (["owl", "--checkpoint", "owm"], "`own`"),
        (["owl", "--checkpoint", "own", "--seeds", "many"], "FROM:TO"),
        (["owl", "--checkpoint", "own", "--seeds", "7:7"], "first_seed"),
        (["owl", "--checkpoint", "own", "--rng", "mt"], "`mt` cannot be scanned"),
    ],
)
def test_a_scan_that_cannot_be_says_how_it_could(here: Path, line: list[str], said: str) -> None:
    ended = CliRunner().invoke(app, ["scan", *line])
    assert ended.exit_code == 1
    assert said in ended.stderr
