"""The command line: what it prints, where, and how fast."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from seedwitness import __version__
from seedwitness.cli import app
from seedwitness.commands.errors import PlainErrors
from seedwitness.errors import PictureError

COMMAND = Path(sys.executable).with_name("seedwitness")
LAB = Path(sys.executable).with_name("seedlab")


def run(*arguments: str, command: Path = COMMAND) -> subprocess.CompletedProcess[str]:
    return subprocess.run([command, *arguments], capture_output=True, text=True, check=False)


def test_version() -> None:
    ended = run("--version")
    assert (ended.returncode, ended.stdout) == (0, f"seedwitness {__version__}\n")


def test_help_names_the_commands() -> None:
    ended = run("--help")
    assert ended.returncode == 0
    assert "render" in ended.stdout
    ended = run("--help", command=LAB)
    assert ended.returncode == 0
    assert "draw" in ended.stdout


def test_help_does_not_import_the_stack() -> None:
    script = (
        "import sys; from seedwitness.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'pandas', 'seedlab'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_an_error_of_the_lab_is_one_paragraph_too(tmp_path: Path) -> None:
    line = ["draw", "--out", str(tmp_path / "out"), "--split", "stolen"]
    ended = run(*line, command=LAB)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("Error: ")
    assert "stolen" in ended.stderr
    assert ended.stderr.count("\n") == 1
    traced = run("--debug", *line, command=LAB)
    assert "Traceback" in traced.stderr


def test_an_unknown_command_is_refused() -> None:
    ended = run("paint")
    assert ended.returncode == 2
    assert "paint" in ended.stderr


@pytest.fixture
def failing() -> typer.Typer:
    """Our command line with two more commands, which fail."""
    probe = typer.Typer(cls=PlainErrors, pretty_exceptions_enable=False)
    probe.callback()(app.registered_callback.callback)

    @probe.command()
    def mendable() -> None:
        raise PictureError("cat [1].png is empty: 0 bytes. Remove it from the folder.")

    @probe.command()
    def defect() -> None:
        raise ZeroDivisionError

    return probe


def test_a_mendable_error_is_one_paragraph_on_stderr(failing: typer.Typer) -> None:
    ended = CliRunner().invoke(failing, ["mendable"])
    assert ended.exit_code == 1
    assert ended.stdout == ""
    assert ended.stderr == "Error: cat [1].png is empty: 0 bytes. Remove it from the folder.\n"


def test_debug_lets_the_traceback_through(failing: typer.Typer) -> None:
    ended = CliRunner().invoke(failing, ["--debug", "mendable"])
    assert isinstance(ended.exception, PictureError)


def test_a_defect_keeps_its_traceback(failing: typer.Typer) -> None:
    ended = CliRunner().invoke(failing, ["defect"])
    assert isinstance(ended.exception, ZeroDivisionError)
