"""What holds for the project as a whole: bounds, pins, floors, no telemetry."""

import configparser
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "seedwitness"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
REQUIREMENTS = [
    Requirement(text)
    for texts in (
        PYPROJECT["build-system"]["requires"],
        PYPROJECT["project"]["dependencies"],
        *PYPROJECT["project"]["optional-dependencies"].values(),
    )
    for text in texts
]
PINS = {
    pin.name: pin
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if not line.startswith("#")
    for pin in [Requirement(line)]
}
LIGHT = ("bundle", "compare", "config", "errors", "records", "report", "statistics", "verdict")


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_every_dependency_has_a_lower_bound(requirement: Requirement) -> None:
    assert any(bound.operator == ">=" for bound in requirement.specifier)


@pytest.mark.parametrize("requirement", REQUIREMENTS[1:], ids=str)
def test_every_dependency_is_pinned_within_its_bound(requirement: Requirement) -> None:
    (pin,) = PINS[canonicalize_name(requirement.name)].specifier
    assert pin.operator == "=="
    assert pin.version in requirement.specifier


def test_the_pins_suit_every_build_of_torch() -> None:
    for name, pin in PINS.items():
        (exact,) = pin.specifier
        assert Version(exact.version).local is None, pin
        assert not name.startswith(("nvidia-", "cuda-", "triton")), pin


def test_light_rooms_are_held_without_torch() -> None:
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    (light,) = [contract for contract in contracts if contract["id"] == "light"]
    present = {
        f"seedwitness.{name}"
        for name in LIGHT
        if (PACKAGE / f"{name}.py").exists() or (PACKAGE / name).is_dir()
    }
    assert set(light["source_modules"]) == present


def test_dvc_reports_nothing() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / ".dvc" / "config")
    core = {key.strip(): value for key, value in config["core"].items()}
    assert core["analytics"] == "false"
    assert core["check_update"] == "false"


@pytest.mark.parametrize(
    ("before", "disabled"),
    [
        ("import os; os.environ.pop('MLFLOW_DISABLE_TELEMETRY', '')", "False"),
        ("import seedwitness", "True"),
    ],
)
def test_mlflow_reports_nothing(before: str, disabled: str) -> None:
    script = (
        f"{before}\nfrom mlflow.telemetry.utils import is_telemetry_disabled\n"
        "print(is_telemetry_disabled())"
    )
    # An environment without the variables (CI, pytest) that switch it off by themselves. The first
    # case shows that it would otherwise be on: without it this test could not fail.
    ended = subprocess.run(
        [sys.executable, "-c", script], env={}, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == disabled


@pytest.mark.parametrize(
    "script",
    [
        "import seedwitness, torchvision, open_clip, lpips",
        # An interpreter of .venv needs nothing of ours: set-up has seen to it.
        "from diffusers import StableDiffusionPipeline; StableDiffusionPipeline.from_pretrained",
    ],
)
def test_what_needs_torchvision_imports_beside_any_build_of_torch(script: str) -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True)
