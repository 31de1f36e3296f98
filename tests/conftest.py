"""What holds for every test: no network, no hub, no telemetry."""

import os

# Before any test module imports a library that reads them.
os.environ["HF_HUB_OFFLINE"] = "1"
# The models of the tests are so small that a second thread costs more than it brings, and where
# another program keeps a core busy, very much more.
os.environ["OMP_NUM_THREADS"] = "1"

import socket
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that leaves this machine fails the test."""
    connect: Callable[..., Any] = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:
        remote = self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in (
            "127.0.0.1",
            "::1",
            "localhost",
        )
        assert not remote, f"a test tried to connect to {address}"
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_here)
