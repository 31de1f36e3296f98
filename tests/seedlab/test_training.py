"""A training survives a kill and a full disk, reports divergence, resumes only its own state."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from seedlab import training
from seedlab.training import TrainingSchedule, describe_computation, train_model
from seedwitness.errors import TrainingError
from seedwitness.runtime.code_graph import code_files
from seedwitness.runtime.environment import package_versions

STEPS = 400
SCHEDULE = TrainingSchedule(STEPS, 1e-2, seed=1, warmup=10)

# A training in a process of its own; a step waits for SLOW seconds, every 50th step saves a state.
SCRIPT = """
import sys, time, hashlib
from pathlib import Path
import torch
from torch import nn
from seedwitness.errors import DiskFullError
from seedlab.training import TrainingSchedule, train_model

folder, slow = Path(sys.argv[1]), float(sys.argv[2])
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.Linear(64, 64))

def loss(step, generator):
    time.sleep(slow)
    BEFORE
    x = torch.randn(16, 64, generator=generator)
    return {"loss": (model(x) - x.cumsum(1)).square().mean()}

def train():
    train_model("toy", model, loss, TrainingSchedule(400, 1e-2, seed=1, warmup=10),
        module="seedlab.training", data_key="k", scratch=folder / "scratch",
        log=folder / "toy.jsonl", save_every=0.0)
    weights = b"".join(v.numpy().tobytes() for v in model.state_dict().values())
    print(hashlib.sha256(weights).hexdigest())

AROUND
"""
PLAIN = SCRIPT.replace("BEFORE", "pass").replace("AROUND", "train()")


def command(script: str, folder: Path, slow: float = 0.0) -> list[str]:
    return [sys.executable, "-c", script, str(folder), str(slow)]


def finish(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(PLAIN, folder), capture_output=True, text=True, check=True)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Hash of the weights of an uninterrupted training."""
    return finish(tmp_path_factory.mktemp("unbroken")).stdout


def test_a_killed_training_ends_in_the_same_bytes(unbroken: str, tmp_path: Path) -> None:
    process = subprocess.Popen(command(PLAIN, tmp_path, 0.02), stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("scratch/*/state.pt")):
            assert process.poll() is None, "ended before it was killed"
            assert time.monotonic() < deadline, "no state after two minutes"
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "toy.jsonl").exists()
    ended = finish(tmp_path)
    assert "toy: resumed at step" in ended.stderr
    assert "resumed at step 0 " not in ended.stderr
    assert ended.stdout == unbroken
    first, *later = map(json.loads, (tmp_path / "toy.jsonl").read_text().splitlines())
    assert {"training", "processor", "torch", "steps"} <= set(first)
    assert [line["step"] for line in later] == list(range(50, STEPS + 1, 50))


def test_a_finished_training_is_not_repeated(unbroken: str, tmp_path: Path) -> None:
    finish(tmp_path)
    (tmp_path / "toy.jsonl").unlink()
    ended = finish(tmp_path)
    assert f"resumed at step {STEPS} of {STEPS}" in ended.stderr
    assert ended.stdout == unbroken
    assert (tmp_path / "toy.jsonl").exists()


def toy(folder: Path, *, data_key: str = "k", nan_at: int | None = None) -> nn.Module:
    torch.manual_seed(0)
    model = nn.Linear(8, 8)

    def loss(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        x = torch.randn(4, 8, generator=generator)
        value = (model(x) - x.flip(1)).square().mean()
        return {"loss": value * torch.nan if step == nan_at else value}

    train_model(
        "toy",
        model,
        loss,
        TrainingSchedule(100, 1e-2, 1),
        module="seedlab.training",
        data_key=data_key,
        scratch=folder / "scratch",
        log=folder / "toy.jsonl",
        save_every=0.0,
    )
    return model


def test_a_loss_that_is_no_number_names_the_remedy_and_the_last_state(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"toy diverged at step 60: the loss is nan") as caught:
        toy(tmp_path, nan_at=60)
    (state,) = tmp_path.glob("scratch/*/state.pt")
    assert "learning rate in params.yaml" in str(caught.value)
    assert str(state) in str(caught.value)
    assert torch.load(state, weights_only=True)["step"] == 50
    assert not (tmp_path / "toy.jsonl").exists()


def test_a_state_of_other_data_is_not_resumed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    toy(tmp_path)
    toy(tmp_path, data_key="other")
    assert "resumed" not in capfd.readouterr().err
    assert len(list(tmp_path.glob("scratch/*/state.pt"))) == 2


def other_code(modules: str) -> str:
    return "0" * 64


def other_torch(names: Iterable[str]) -> dict[str, str]:
    return package_versions(names) | {"torch": "1.0.0"}


def other_device(device: torch.device) -> str:
    return "cpu of another kind"


@pytest.mark.parametrize(
    ("function", "other"),
    [
        ("hash_code", other_code),
        ("package_versions", other_torch),
        ("device_kind", other_device),
    ],
)
def test_a_state_of_other_code_libraries_or_device_is_not_resumed(
    function: str,
    other: Callable[..., object],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    toy(tmp_path)
    toy(tmp_path)
    assert "toy: resumed at step 100 of 100" in capfd.readouterr().err
    monkeypatch.setattr(training, function, other)
    toy(tmp_path)
    assert "resumed" not in capfd.readouterr().err
    assert len(list(tmp_path.glob("scratch/*/state.pt"))) == 2


def test_each_training_names_its_own_code() -> None:
    modules = ("autoencoder", "clip", "descriptor", "diffusion", "perceptual_distance")
    keys = [describe_computation(f"seedlab.{module}") for module in modules]
    assert len({key["code"] for key in keys}) == len(modules)
    for key in keys:
        assert {"torch", "diffusers", "transformers", "device"} < set(key)
    for module in modules:
        files = code_files(f"seedlab.{module}")
        assert {f"seedlab/{module}.py", "seedlab/training.py"} <= set(files)


def test_the_rate_rises_then_falls() -> None:
    rates = [SCHEDULE.rate_factor(step) for step in range(STEPS)]
    assert rates[0] == 0.1
    assert rates[9:11] == [1.0, 1.0]
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(SCHEDULE.final_rate, abs=1e-3)


# Fills the disk after the first state, prints the error and the state, frees the disk and resumes.
FULL = SCRIPT.replace("BEFORE", "if step == 60 and not room.exists(): fill()").replace(
    "AROUND",
    """
room = folder / "room"
def fill():
    with room.open("wb", buffering=0) as file:
        try:
            while True: file.write(bytes(4096))
        except OSError: pass
try: train()
except DiskFullError as error: print(error)
(state,) = folder.glob("scratch/*/state.pt")
print(torch.load(state, weights_only=True)["step"], len(list(state.parent.iterdir())))
room.write_bytes(b"")
torch.manual_seed(0)
for layer in model: layer.reset_parameters()
train()
""",
)


def test_a_full_disk_loses_nothing_that_was_trained(unbroken: str, tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("a small disk to fill needs `unshare` (Linux)")
    alone = [unshare, "--map-root-user", "--mount"]
    trial = [*alone, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if subprocess.run(trial, capture_output=True, check=False).returncode != 0:
        pytest.skip("this user may not mount a small disk to fill")
    mounted = 'mount -t tmpfs -o size=1m tmpfs "$4" && exec "$@"'
    ended = subprocess.run(
        [*alone, "sh", "-c", mounted, "sh", *command(FULL, tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    message, state, weights = ended.stdout.splitlines()
    assert message.startswith(f"The disk is full: {tmp_path}/scratch/")
    assert "state.pt could not be written" in message
    assert "run the same command again: finished results are kept" in message
    assert state == "50 1"  # the state of step 50, and nothing beside it
    assert "toy: resumed at step 50 of" in ended.stderr
    assert weights + "\n" == unbroken
