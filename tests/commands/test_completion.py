"""What a shell offers, as a shell asks for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seedwitness.config.targets import TargetSettings, write_target

COMMAND = Path(sys.executable).with_name("seedwitness")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("conf", "params.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("owl", "otter", "fish"):
        write_target(name, TargetSettings(image="a.png", pixels_sha256="a" * 64), tmp_path)
    return tmp_path


def offered(project: Path, *words: str) -> list[str]:
    """What bash offers for the last of ``words``."""
    variables = {
        "_SEEDWITNESS_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(["seedwitness", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(
        [COMMAND], cwd=project, env={**os.environ, **variables}, capture_output=True, text=True
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_commands_targets_checkpoints_settings_and_options(project: Path) -> None:
    assert {"run", "rename", "remove"} <= set(offered(project, "r"))
    assert offered(project, "remove", "o") == ["otter", "owl"]
    assert offered(project, "scan", "owl", "--checkpoint", "lab-m") == ["lab-memorised"]
    assert "search=halving" in offered(project, "run", "search=")
    assert "search.steps=10" in offered(project, "run", "search.st")
    assert "search.stop" in offered(project, "config", "show", "search.st")


def test_outside_of_a_project_nothing_is_offered(tmp_path: Path) -> None:
    assert offered(tmp_path, "remove", "o") == []
    assert offered(tmp_path, "run", "search") == []
