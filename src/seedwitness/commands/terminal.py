"""Runs a command in this terminal: shows what is news of its output, and ends it by a signal.

Ctrl-C reaches the command itself, since the terminal interrupts all processes of a group. A signal
that was sent to this process alone is passed on to the command and everything that it started.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from time import monotonic
from typing import IO

import psutil

from seedwitness.commands.progress import RunProgress

STATUS_SECONDS = 30.0
SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
INTERRUPT_SECONDS, PATIENCE_SECONDS = 2.0, 20.0
"""Seconds between two interrupts of a command, and until it is killed."""


def run_in_terminal(
    command: Sequence[str],
    environment: Mapping[str, str] = os.environ,
    progress: RunProgress | None = None,
    on_stage: Callable[[], None] = lambda: None,
) -> int:
    """Run a command to its end in this terminal; gives its exit code, or that of the signal.

    With ``progress``, its standard output is shown as far as it is news, and ``on_stage`` is called
    when a stage has begun. Where that is no terminal, the status is shown every 30 seconds.
    """
    # The stages call `seedwitness`: put the one of this environment first.
    path = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    output = subprocess.PIPE if progress else None
    with (
        subprocess.Popen(
            command, env={**environment, "PATH": path}, stdout=output, text=True, errors="replace"
        ) as process,
        _pass_signals_on(process) as received,
    ):
        if progress:
            _show_progress(process, progress, on_stage)
        code = process.wait()
    return 128 + received[0] if code and received else code


@contextmanager
def _pass_signals_on(process: subprocess.Popen[str]) -> Iterator[list[int]]:
    """End the process tree when this process is told to end; gives the signals that came."""
    received: list[int] = []

    def end(number: int, _: object) -> None:
        if not received:
            # The terminal has interrupted all already, if it was the terminal.
            delay = INTERRUPT_SECONDS if number == signal.SIGINT else 0.0
            Thread(target=_end_tree, args=(process, delay), daemon=True).start()
        received.append(number)

    previous = {number: signal.signal(number, end) for number in SIGNALS}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _end_tree(process: subprocess.Popen[str], delay: float) -> None:
    """Interrupt a process and all that it started until it ends; at last, kill them."""
    end = monotonic() + PATIENCE_SECONDS
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(delay)
            return
        for each in _list_tree(process.pid):
            with suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGINT if monotonic() < end else signal.SIGKILL)
        delay = INTERRUPT_SECONDS


def _list_tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [*root.children(recursive=True), root]
    except psutil.NoSuchProcess:
        return []


def _show_progress(
    process: subprocess.Popen[str], progress: RunProgress, on_stage: Callable[[], None]
) -> None:
    """Show what is news of a command's output, until it closes."""
    assert process.stdout is not None
    is_terminal, shown, last = sys.stdout.isatty(), monotonic(), ""
    lines: Queue[str | None] = Queue()
    Thread(target=_read_lines, args=(process.stdout, lines), daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=STATUS_SECONDS / 10)
        except Empty:
            line = ""
        if line is None:
            return
        before = progress.current
        text = progress.feed(line)
        if text is not None:
            sys.stdout.write(f"{text}\n")
        if progress.current not in ("", before):
            on_stage()
        is_new = progress.current not in ("", last)
        if is_new if is_terminal else monotonic() - shown >= STATUS_SECONDS:
            sys.stdout.write(f"{progress.status}\n")
            shown, last = monotonic(), progress.current
        sys.stdout.flush()


def _read_lines(stream: IO[str], lines: Queue[str | None]) -> None:
    """Put every line of a stream into a queue, and None at its end."""
    for line in stream:
        lines.put(line.rstrip("\n"))
    lines.put(None)
