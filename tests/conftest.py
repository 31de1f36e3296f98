"""What holds for every test: no network, no hub, no telemetry."""

import os

# Before any test module imports a library that reads them.
os.environ["HF_HUB_OFFLINE"] = "1"
# The models of the tests are so small that a second thread costs more than it brings, and where
# another program keeps a core busy, very much more.
os.environ["OMP_NUM_THREADS"] = "1"

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from tiny_checkpoints import save_tiny_checkpoint

# The same examples at every run, and no folder of examples beside the tests.
hypothesis.settings.register_profile("repeatable", derandomize=True, database=None)
hypothesis.settings.load_profile("repeatable")

pytest_plugins = ["browsing", "odd_server_process", "small_project"]


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


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a very small, untrained checkpoint of Stable Diffusion 1's classes."""
    folder = tmp_path_factory.mktemp("checkpoint") / "tiny"
    save_tiny_checkpoint(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_checkpoint: Path) -> Any:
    """The tiny checkpoint as stages load it."""
    from seedwitness.checkpoints.loading import load_checkpoint
    from seedwitness.config.inputs import CheckpointSettings

    return load_checkpoint("tiny", CheckpointSettings(family="diffusers", path=tiny_checkpoint))


@pytest.fixture(params=["epsilon", "v_prediction"])
def pipeline(request: pytest.FixtureRequest, tiny_checkpoint: Path) -> Any:
    """The tiny checkpoint under DDIM, said to predict the noise, and said to predict velocity."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    found = StableDiffusionPipeline.from_pretrained(tiny_checkpoint, local_files_only=True)
    found.set_progress_bar_config(disable=True)
    found.scheduler = DDIMScheduler.from_config(
        found.scheduler.config, prediction_type=request.param
    )
    return found


@pytest.fixture(scope="session")
def tiny_pipeline(tiny_checkpoint: Path) -> Any:
    """The tiny checkpoint as plain diffusers opens it."""
    from diffusers import StableDiffusionPipeline

    found = StableDiffusionPipeline.from_pretrained(tiny_checkpoint, local_files_only=True)
    found.set_progress_bar_config(disable=True)
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that no process is left alone with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)  # a stable sort: files stay together
