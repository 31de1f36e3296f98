"""The odd servers of ``odd_servers.py`` in a process of their own, for tests that ask them."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("odd_servers.py")
PATIENCE = 60.0  # seconds


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the servers."""
    port = tmp_path_factory.mktemp("server") / "port"
    process = subprocess.Popen([sys.executable, str(SCRIPT), str(port)])
    try:
        end = time.monotonic() + PATIENCE
        while not port.exists() and time.monotonic() < end:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port.read_text()}"
    finally:
        process.kill()
        process.wait()
