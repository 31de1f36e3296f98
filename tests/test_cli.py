"""The command line: output, exit codes and import time."""

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
    result = run("--version")
    assert (result.returncode, result.stdout) == (0, f"seedwitness {__version__}\n")


def test_help_names_the_commands() -> None:
    result = run("--help")
    assert result.returncode == 0
    assert "render" in result.stdout
    result = run("--help", command=LAB)
    assert result.returncode == 0
    assert "draw" in result.stdout


def test_help_does_not_import_the_stack() -> None:
    script = (
        "import sys; from seedwitness.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'pandas', 'seedlab'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_an_error_of_the_lab_is_one_paragraph(tmp_path: Path) -> None:
    line = ["draw", "--out", str(tmp_path / "out"), "--split", "stolen"]
    result = run(*line, command=LAB)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert "stolen" in result.stderr
    assert result.stderr.count("\n") == 1
    debugged = run("--debug", *line, command=LAB)
    assert "Traceback" in debugged.stderr


def test_an_unknown_command_is_refused() -> None:
    result = run("paint")
    assert result.returncode == 2
    assert "paint" in result.stderr


@pytest.fixture
def failing() -> typer.Typer:
    """The command line with two commands that fail."""
    probe = typer.Typer(cls=PlainErrors, pretty_exceptions_enable=False)
    probe.callback()(app.registered_callback.callback)

    @probe.command()
    def fixable() -> None:
        raise PictureError("cat [1].png is empty: 0 bytes. Remove it from the folder.")

    @probe.command()
    def defect() -> None:
        raise ZeroDivisionError

    return probe


def test_a_fixable_error_is_one_paragraph_on_stderr(failing: typer.Typer) -> None:
    result = CliRunner().invoke(failing, ["fixable"])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "Error: cat [1].png is empty: 0 bytes. Remove it from the folder.\n"


def test_debug_lets_the_traceback_through(failing: typer.Typer) -> None:
    result = CliRunner().invoke(failing, ["--debug", "fixable"])
    assert isinstance(result.exception, PictureError)


def test_a_defect_keeps_its_traceback(failing: typer.Typer) -> None:
    result = CliRunner().invoke(failing, ["defect"])
    assert isinstance(result.exception, ZeroDivisionError)
