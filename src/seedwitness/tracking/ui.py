"""Serve MLflow's own pages, for this machine only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from seedwitness.config.verdicts import TrackingSettings
from seedwitness.errors import TrackingError
from seedwitness.runtime.workspace import find_project
from seedwitness.tracking.store_uri import (
    SQLITE_SCHEME,
    hide_password,
    is_server,
    make_uri_absolute,
)
from seedwitness.tracking.view import format_view_address

HOST = "127.0.0.1"


def format_address(port: int) -> str:
    """Format the URL of the pages."""
    return f"http://{HOST}:{port}"


def format_page(settings: TrackingSettings, port: int) -> str:
    """Format the URL of the table of runs, with the columns that matter here.

    Raises TrackingError if the store cannot be opened.
    """
    from seedwitness.tracking.store import open_store

    with open_store(settings) as store:
        return format_view_address(format_address(port), store.experiment)


def build_command(settings: TrackingSettings, port: int) -> list[str]:
    """Build the command of MLflow's server with one worker, for this machine only.

    Raises TrackingError if the store is a server with its own pages, is empty, or the port is
    taken.
    """
    if is_server(settings.uri):
        raise TrackingError(
            "`tracking.uri` names a server, which has its own pages: open "
            f"{hide_password(settings.uri)}."
        )
    uri = make_uri_absolute(settings.uri)
    database = Path(uri.removeprefix(SQLITE_SCHEME))
    if settings.uri.startswith(SQLITE_SCHEME) and not database.exists():
        raise TrackingError(
            f"There is nothing to show yet: {database.name} does not exist. `seedwitness run` "
            "creates it."
        )
    with socket.socket() as probe:
        # As the server does: a port that was closed a moment ago is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise TrackingError(
                f"Port {port} of {HOST} cannot be used: {error.strerror}. Choose another: "
                f"`seedwitness ui --port {port + 1}`."
            ) from error
    options = ["--backend-store-uri", uri, "--host", HOST, "--port", str(port)]
    artifacts = (find_project() / settings.artifacts).resolve()
    options += ["--default-artifact-root", artifacts.as_uri()]
    return [sys.executable, "-m", "mlflow", "server", *options, "--workers", "1"]


def run_server(command: Sequence[str]) -> int:
    """Run MLflow's server until it ends or this process is interrupted; return its exit code.

    The server gets its own session, because it starts child processes, which may ignore an
    interrupt: all of them are ended together.
    """
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    # A shell starts background processes with interrupts ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    with subprocess.Popen(command, env=environment, start_new_session=True) as server:
        try:
            return server.wait()
        except KeyboardInterrupt:
            os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
            return 0


def _interrupt(number: int, _: object) -> None:
    raise KeyboardInterrupt
