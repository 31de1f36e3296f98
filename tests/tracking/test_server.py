"""A store behind an MLflow server on this machine, and an address where no server listens."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow_server import running_server
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
    with running_server(f"sqlite:///{folder}/mlflow.db", folder / "files") as address:
        yield address


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
