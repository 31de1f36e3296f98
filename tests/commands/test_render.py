"""`seedwitness render`: cited trials are reproduced on their checkpoint and on no other."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from seedwitness.cli import app
from seedwitness.commands import render


def test_a_cited_trial_is_reproduced(here: Path) -> None:
    evidence = json.loads((here / "reports/owl/evidence.json").read_text())
    cited = evidence["cases"][0]["cited"][0]
    command = cited["command"].split()
    result = CliRunner().invoke(app, [*command[1:], "--out", "again.png"])
    assert result.exit_code == 0
    assert f"Noise: as reported, SHA-256 {cited['noise_sha256']}" in result.stdout
    again = np.array(Image.open("again.png")).astype(int)
    reported = np.array(Image.open(here / "reports/owl" / cited["image"])).astype(int)
    assert np.abs(again - reported).mean() < 0.1

    # The recipe alone gives the same picture, and on another checkpoint another one.
    Path("recipe.json").write_text(json.dumps(cited["recipe"]))
    line = ["render", "recipe.json", "--checkpoint", "own", "--out", "alone.png"]
    assert CliRunner().invoke(app, line).exit_code == 0
    assert Path("alone.png").read_bytes() == Path("again.png").read_bytes()
    name, recipe = render.find_recipe(Path("reports/owl/evidence.json"), "own", cited["trial"])
    assert name == "own"
    other = render.render_recipe("clean", recipe, Path("other.png"))
    assert not other.agrees
    assert other.lines[0].startswith("Checkpoint: not as reported")


def test_a_seed_of_64_bits_is_taken_as_torch_takes_it_and_that_is_said(here: Path) -> None:
    evidence = json.loads((here / "reports/owl/evidence.json").read_text())
    recipe = evidence["cases"][0]["cited"][0]["recipe"]
    recipe |= {"seed": 2_023_684_070, "rng": "torch-cpu", "variations": ""}
    said = "Seed 875797394946022: torch-cpu takes it modulo 2^32, as seed 2023684070."
    for name, seed in (("small", 2_023_684_070), ("large", 875_797_394_946_022)):
        Path(f"{name}.json").write_text(json.dumps(recipe | {"seed": seed}))
        line = ["render", f"{name}.json", "--checkpoint", "own", "--out", f"{name}.png"]
        result = CliRunner().invoke(app, line)
        assert result.exit_code == 0
        assert (said in result.stdout) is (name == "large")
    assert Path("small.png").read_bytes() == Path("large.png").read_bytes()


def test_without_a_name_the_closest_trial_is_reproduced(here: Path) -> None:
    path = here / "reports/owl/evidence.json"
    (case,) = [
        each for each in json.loads(path.read_text())["cases"] if each["checkpoint"] == "own"
    ]
    scores = {
        each["trial"]: score["score"] * (1 if score["higher_is_closer"] else -1)
        for each in case["cited"]
        for score in each["scores"]
        if score["metric"] == case["memorised"]["statistic"]["metric"]
    }
    closest = max(scores, key=lambda trial: scores[trial])
    assert len(scores) > 1
    result = CliRunner().invoke(app, ["render", str(path), "--checkpoint", "own"])
    assert result.exit_code == 0
    assert f"Trial {closest}, the closest that the report cites for own." in result.stdout
    assert f"images/own/{closest}.png" in result.stdout


def test_images_of_the_reference_are_reproduced(here: Path) -> None:
    path = here / "reports/owl/evidence.json"
    cases = {each["checkpoint"]: each for each in json.loads(path.read_text())["cases"]}
    shown = [each for each in cases["own"]["cited"] if each["reference_image"]]
    assert shown
    for cited in shown:
        name, recipe = render.find_recipe(path, "clean", cited["trial"])
        assert name == "clean"
        own = {each["trial"]: each["image"] for each in cases["clean"]["cited"]}
        expected = own.get(cited["trial"], cited["reference_image"])
        assert recipe.picture == path.parent / expected
    again = render.render_recipe(name, recipe, Path("reference.png"))
    assert again.agrees


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ("{", [], "cannot be read as JSON"),
        ('{"promt": "x"}', [], "has no `promt`. Did you mean `prompt`"),
        ('{"prompt": "x"}', ["--checkpoint", "own"], "`seed`"),
        ('{"prompt": "x"}', [], "has several checkpoints"),
        (None, ["--checkpoint", "owm"], "has no checkpoint `owm`. Did you mean `own`"),
        (None, ["--checkpoint", "own", "--trial", "x"], "has no trial `x`"),
    ],
)
def test_invalid_arguments_are_reported(
    here: Path, content: str | None, arguments: list[str], message: str
) -> None:
    path = "reports/owl/evidence.json"
    if content is not None:
        path = "odd.json"
        Path(path).write_text(content)
    result = CliRunner().invoke(app, ["render", path, *arguments])
    assert result.exit_code == 1
    assert message in result.stderr
