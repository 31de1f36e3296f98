"""MLflow's pages, served for this machine only."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from seedwitness.config.verdicts import TrackingSettings
from seedwitness.errors import TrackingError
from seedwitness.tracking import ui

COMMAND = Path(sys.executable).with_name("seedwitness")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_nothing_to_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrackingError, match="nothing to show yet"):
        ui.build_command(TrackingSettings(), free_port())


def test_a_server_has_its_own_pages() -> None:
    with pytest.raises(TrackingError, match=r"open https://mlflow\.example"):
        ui.build_command(TrackingSettings(uri="https://mlflow.example"), free_port())


def test_a_port_that_is_taken(project: Path) -> None:
    assert project == Path.cwd()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(TrackingError, match=rf"Port {port} .* --port {port + 1}"):
            ui.build_command(TrackingSettings(), port)


@pytest.mark.slow
def test_the_pages_are_served_until_a_signal(project: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [COMMAND, "ui", "--port", str(port)],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert re.search(rf"http://127\.0\.0\.1:{port}\b", line)
        for _ in range(1200):
            assert process.poll() is None
            try:
                with urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                    assert answer.status == 200
                    break
            except OSError:  # not started yet, or too slow
                time.sleep(0.1)
        else:
            pytest.fail("no answer in two minutes")
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
