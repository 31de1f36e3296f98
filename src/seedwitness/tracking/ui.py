"""MLflow's own pages on this machine alone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from seedwitness.config.verdicts import TrackingSettings
from seedwitness.errors import TrackingError

HOST = "127.0.0.1"


def address(port: int) -> str:
    """Where the pages are."""
    return f"http://{HOST}:{port}"


def command(settings: TrackingSettings, port: int) -> list[str]:
    """MLflow's server on one worker, for this machine alone.

    Raises TrackingError where the pages are a server's own, there is nothing to show, or the port
    is taken.
    """
    if urlsplit(settings.uri).scheme in ("http", "https"):
        raise TrackingError(
            f"`tracking.uri` names a server, which shows its pages itself: open {settings.uri}."
        )
    database = Path(settings.uri.removeprefix("sqlite:///"))
    if settings.uri.startswith("sqlite:///") and not database.exists():
        raise TrackingError(
            f"There is nothing to show yet: no {database}. `seedwitness run` publishes into it."
        )
    with socket.socket() as probe:
        # As the server does: a port that was left a moment ago is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise TrackingError(
                f"Port {port} of {HOST} cannot be used: {error.strerror}. Choose another: "
                f"`seedwitness ui --port {port + 1}`."
            ) from error
    options = ["--backend-store-uri", settings.uri, "--host", HOST, "--port", str(port)]
    options += ["--default-artifact-root", Path(settings.artifacts).resolve().as_uri()]
    return [sys.executable, "-m", "mlflow", "server", *options, "--workers", "1"]


def serve(line: Sequence[str]) -> int:
    """Run MLflow's server until it ends, or until this process is interrupted; its exit code.

    It has a session of its own, because it starts processes of its own, and one that is in the
    middle of something may not heed an interrupt: all of them are ended together.
    """
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    # A shell starts what it puts into the background with interrupts ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    with subprocess.Popen(line, env=environment, start_new_session=True) as server:
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
