"""Runs `seedwitness run` in a terminal of its own and kills it at a chosen moment."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

from seedwitness.commands.repair import list_lock_files

COMMAND = [str(Path(sys.executable).with_name("seedwitness")), "run"]
STAGE = re.compile(r"^stage \d+ of \d+: (.+?)(?:, at most .+ left)?\r?$", re.MULTILINE)
PATIENCE = 30.0
"""Seconds until a signal is sent again, on a machine whose cores are all busy."""


@dataclass(frozen=True)
class RunResult:
    """A run that ended: by a signal of ours, or by itself."""

    kills: int
    """How often it was killed: 0 where it ended by itself, and 1 where the first was enough."""
    code: int
    seconds: float
    stages: list[str]
    """The stages that it began, in order."""
    output: str


@dataclass(frozen=True)
class Moment:
    """When a run is killed: so many seconds after its start, or after its first stage began."""

    seconds: float
    after_first_stage: bool


def run_until(
    root: Path, environment: Mapping[str, str], way: str, moment: Moment | None
) -> RunResult:
    """Start a run in the project ``root``, and kill it in one of ``WAYS`` at a moment.

    None lets it end. It is left alone where it ends before.
    """
    with _run_in_terminal(root, environment) as (process, master, output):
        start, was_killed = monotonic(), False
        if moment is not None:
            was_killed = _wait_for_moment(process, root, way, moment, output)
        kills = _kill(process, master, way) if was_killed else 0
        code = process.wait()
        ended = monotonic() - start
    text = b"".join(output).decode(errors="replace")
    return RunResult(kills, code, ended, STAGE.findall(text), text)


def _kill(process: subprocess.Popen[bytes], master: int, way: str) -> int:
    """Kill a run, and again where it has not ended in time, as a user would; gives how often."""
    for number in range(1, 4):
        WAYS[way](process.pid, master)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
            return number
    raise TimeoutError(f"{way} does not end the run.")


@contextmanager
def _run_in_terminal(
    root: Path, environment: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], int, list[bytes]]]:
    """A run that leads the processes of a new terminal; gives the terminal and its output."""
    master, slave = pty.openpty()
    output: list[bytes] = []
    process = subprocess.Popen(
        COMMAND,
        cwd=root,
        env=environment,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    reader = Thread(target=_read, args=(master, output), daemon=True)
    reader.start()
    try:
        yield process, master, output
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        reader.join(PATIENCE)
        os.close(master)


def _read(master: int, output: list[bytes]) -> None:
    while True:
        try:
            part = os.read(master, 65_536)
        except OSError:  # no process has the terminal open
            return
        output.append(part)


def _wait_for_moment(
    process: subprocess.Popen[bytes], root: Path, way: str, moment: Moment, output: list[bytes]
) -> bool:
    """Wait for the moment to kill; False if the process ended before."""
    while moment.after_first_stage and not STAGE.search(b"".join(output).decode(errors="replace")):
        if process.poll() is not None:
            return False
        sleep(0.02)
    end = monotonic() + moment.seconds
    while monotonic() < end:
        if process.poll() is not None:
            return False
        sleep(0.01)
    if way == LOCK_WAY:
        return _wait_for_write(process, root)
    return process.poll() is None


def _wait_for_write(process: subprocess.Popen[bytes], root: Path) -> bool:
    """Wait until a lock file of DVC is shorter than before, since it is written in place."""
    sizes = _read_sizes(root)
    while process.poll() is None:
        now = _read_sizes(root)
        if any(size < sizes.get(path, 0) for path, size in now.items()):
            return True
        sizes = now
    return False


def _read_sizes(root: Path) -> dict[Path, int]:
    """The size of each lock file of DVC."""
    sizes = {}
    for path in list_lock_files(root):
        try:
            sizes[path] = path.stat().st_size
        except FileNotFoundError:
            continue
    return sizes


def _terminate(pid: int, _: int) -> None:
    os.kill(pid, signal.SIGTERM)


def _interrupt(_: int, master: int) -> None:
    os.write(master, b"\x03")


def _kill_group(pid: int, _: int) -> None:
    os.killpg(pid, signal.SIGKILL)


LOCK_WAY = "SIGKILL while a lock file is written"
WAYS: dict[str, Callable[[int, int], None]] = {
    "SIGTERM": _terminate,
    "SIGKILL": _kill_group,
    "Ctrl-C": _interrupt,
    LOCK_WAY: _kill_group,
}
"""How a run is killed: its process, its process group, or by a key of its terminal."""
