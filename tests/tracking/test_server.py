"""A store behind an MLflow server on this machine, and an address where no server listens."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from stored import CASES, assert_complete, runs

from seedwitness.config.verdicts import TrackingSettings
from seedwitness.errors import TrackingError
from seedwitness.tracking.no_op import publish_changes
from seedwitness.tracking.publishing import publish


@pytest.fixture
def server(tmp_path: Path, new_database: Path) -> Iterator[str]:
    """A real server with its own database and folder."""
    folder = tmp_path / "server"
    folder.mkdir()
    shutil.copy(new_database, folder / "mlflow.db")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    options = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    options += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    options += ["--artifacts-destination", str(folder / "files")]
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for _ in range(1200):
            assert process.poll() is None
            try:
                with urlopen(f"{address}/health", timeout=5):
                    break
            except OSError:  # not started yet, or too slow
                time.sleep(0.1)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def test_a_server_on_this_machine(project: Path, server: str, tmp_path: Path) -> None:
    assert project == Path.cwd()
    tracking = TrackingSettings(uri=server, artifacts="")
    first = publish(tracking)
    assert_complete(tracking, tmp_path / "down")
    assert publish(tracking).content == first.content
    assert len(runs(tracking)) == 1 + len(CASES) + 2
    assert publish_changes(tracking) is None


def test_an_address_without_a_server_is_reported(project: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # bound but not listening: refused at once
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
        with pytest.raises(TrackingError, match=f"No MLflow server answers at {address}"):
            publish(TrackingSettings(uri=address))
    assert project.exists()
