"""`seedwitness scan`: the same as its stage, for any image, seeds and RNG algorithms."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seedwitness.cli import app
from seedwitness.config.targets import image_path, load_target
from seedwitness.records.document import read_document
from seedwitness.records.seed_scan import SeedScan
from seedwitness.stages import output_path


def test_the_command_line_scans_a_listed_target_as_its_stage_does(here: Path) -> None:
    of_stage = read_document(SeedScan, output_path("scan", "owl", "own") / "scan.json")
    result = CliRunner().invoke(app, ["scan", "owl", "--checkpoint", "own", "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert all(
        {"seed", "rng", "z", "p", "distance", "recovered"} <= set(s) for s in document["seeds"]
    )
    for seed in document["seeds"]:
        del seed["distance"]
    assert document == of_stage.model_dump(mode="json")


def test_the_command_line_scans_any_picture_in_any_range(here: Path) -> None:
    path = str(image_path("owl", load_target("owl")))
    options = ["--rng", "all", "--seeds", "8:9000", "--prompt", "an owl", "--prompt", "a cat"]
    result = CliRunner().invoke(app, ["scan", path, "--checkpoint", "clean", *options])
    assert result.exit_code == 0, result.output
    assert "Made by clean: inconclusive." in result.stdout
    algorithms = "torch-cpu, torch-cpu-float16, torch-cpu-bfloat16 and philox-nv"
    sentence = f"No seed from 8 to 8,999, 0.00021 % of them all, by {algorithms}"
    assert sentence in result.stdout


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            ["nothing.png", "--checkpoint", "own"],
            "neither a file nor a target of this project. Known are: flat, owl",
        ),
        (["owl", "--checkpoint", "owm"], "`own`"),
        (["owl", "--checkpoint", "own", "--seeds", "many"], "FROM:TO"),
        (["owl", "--checkpoint", "own", "--seeds", "7:7"], "first_seed"),
        (["owl", "--checkpoint", "own", "--rng", "mt"], "that can be scanned `mt`"),
    ],
)
def test_invalid_arguments_are_reported(here: Path, line: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["scan", *line])
    assert result.exit_code == 1
    assert message in result.stderr
