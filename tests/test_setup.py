"""Set-up says what is wrong with a machine in one paragraph, and mends what was cut short.

A complete set-up takes minutes and is what `make test` itself began with: here pip is not reached,
or is a stand-in that only writes the lines that the script reads.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = ["awk", "cat", "cut", "date", "df", "dirname", "du", "expand", "git", "grep", "mkdir"]
TOOLS += ["rm", "sed", "sh", "tail", "touch", "uname"]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of what set-up reads, beside a `bin` with the commands it may call, but no Python."""
    for name in ("tools/setup.sh", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        if found is not None:
            (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path


def command(house: Path, name: str, script: str) -> None:
    path = house / "bin" / name
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)


def set_up(house: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shutil.which("sh") or "sh", house / "tools" / "setup.sh"],
        env={"PATH": str(house / "bin"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def assert_stopped(ended: subprocess.CompletedProcess[str], *said: str) -> None:
    assert ended.returncode == 1
    paragraph = ended.stderr.strip().splitlines()[-1]
    assert paragraph.startswith("Set-up stopped. ")
    for words in said:
        assert words in paragraph


def test_python_too_old(house: Path) -> None:
    command(house, "python3", "printf 3.9.2; exit 1")
    command(house, "python", "printf 2.7.18; exit 1")
    ended = set_up(house)
    assert_stopped(ended, "3.11 or newer", "python3 is 3.9.2, python is 2.7.18", "PYTHON=")
    assert not (house / ".venv").exists()


def test_a_named_python_too_old(house: Path) -> None:
    command(house, "python3.8", "printf 3.8.1; exit 1")
    (house / "bin" / "python3").symlink_to(sys.executable)
    assert_stopped(set_up(house, PYTHON="python3.8"), "python3.8 is 3.8.1")


def test_no_python(house: Path) -> None:
    assert_stopped(set_up(house), "no Python was found under the names python3.11")


def test_no_git(house: Path) -> None:
    (house / "bin" / "python3").symlink_to(sys.executable)
    (house / "bin" / "git").unlink()
    assert_stopped(set_up(house), "git was not found")


def test_disk_too_small(house: Path) -> None:
    (house / "bin" / "python3").symlink_to(sys.executable)
    ended = set_up(house, SETUP_MB="999000000")
    assert_stopped(ended, "The disk is too small", "another 999000000 MB", str(house))
    assert not (house / ".venv").exists()


# A Python that makes environments whose pip only says what the real one would.
STAND_IN = r"""
case "$*" in
    *version_info*) printf 3.11.7 ;;
    *_base_executable*) echo "$0" ;;
    *ensurepip*) ;;
    "-m venv .venv")
        mkdir -p .venv/bin
        touch .venv/pyvenv.cfg
        cat "$0" >.venv/bin/python
        cat "$0" >.venv/bin/seedwitness
        chmod +x .venv/bin/python .venv/bin/seedwitness ;;
    *"pip --version"*) ;;
    *install*+cpu*)
        pin=$(sed -n 's/^torch==//p' constraints.txt)
        echo "ERROR: No matching distribution found for torch==$pin+cpu"
        [ -n "$CPU_OFFERED" ] ;;
    *install*)
        echo "Installing collected packages: a"
        echo half >.venv/a
        if [ "$PIP" = killed ]; then kill -9 $PPID; exit; fi
        echo "Successfully installed a" ;;
    *check*) [ "$PIP" != broken ] ;;
esac
"""


@pytest.fixture
def staged(house: Path) -> Path:
    (house / "bin" / "chmod").symlink_to(shutil.which("chmod") or "/bin/chmod")
    command(house, "python3", STAND_IN)
    return house


def test_takes_the_cpu_build_where_it_is_offered(staged: Path) -> None:
    ended = set_up(staged, CPU_OFFERED="1")
    assert ended.returncode == 0, ended.stderr
    assert "CPU build" in ended.stdout
    assert "index's build" not in ended.stdout
    assert (staged / ".venv" / "ready").exists()


def test_takes_the_other_build_where_it_is_not(staged: Path) -> None:
    ended = set_up(staged)
    assert ended.returncode == 0, ended.stderr
    assert "not offered" in ended.stdout
    assert "index's build" in ended.stdout


def test_a_set_up_killed_while_writing_starts_from_nothing(staged: Path) -> None:
    killed = set_up(staged, CPU_OFFERED="1", PIP="killed")
    assert killed.returncode == -9
    assert not (staged / ".venv" / "ready").exists()
    (staged / ".venv" / "left behind").touch()
    ended = set_up(staged, CPU_OFFERED="1")
    assert ended.returncode == 0, ended.stderr
    assert "cut short" in ended.stdout
    assert not (staged / ".venv" / "left behind").exists()


def test_a_set_up_that_failed_otherwise_keeps_what_it_has(staged: Path) -> None:
    broken = set_up(staged, CPU_OFFERED="1", PIP="broken")
    assert_stopped(broken, ".venv/setup.log")
    (staged / ".venv" / "kept").touch()
    ended = set_up(staged, CPU_OFFERED="1")
    assert ended.returncode == 0, ended.stderr
    assert "cut short" not in ended.stdout
    assert (staged / ".venv" / "kept").exists()
