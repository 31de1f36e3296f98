"""`seedwitness doctor`: checks of real packages, files and commands."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from safetensors.numpy import save_file
from target_images import write_image
from typer.testing import CliRunner

from seedwitness.cli import app
from seedwitness.commands import doctor
from seedwitness.runtime.hashes import sha256_file
from seedwitness.runtime.installation import Check, check_packages

ROOT = Path(__file__).parents[2]

Installed = Callable[..., None]


@pytest.fixture
def install_requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """Installs the metadata of a package that requires others."""

    def install(*requirements: str) -> None:
        folder = tmp_path / "site" / "probe-1.0.dist-info"
        folder.mkdir(parents=True)
        lines = ["Metadata-Version: 2.1", "Name: probe", "Version: 1.0"]
        lines += [f"Requires-Dist: {each}" for each in requirements]
        (folder / "METADATA").write_text("\n".join(lines) + "\n")
        monkeypatch.syspath_prepend(tmp_path / "site")

    return install


def states(found: list[Check]) -> dict[str, str]:
    return {each.name: each.state for each in found}


def test_the_environment_of_the_tests_passes() -> None:
    found = list(check_packages())
    assert [each for each in found if each.is_required] == []
    assert {"python", "torch", "mlflow", "dvc"} <= set(states(found))


def test_missing_and_old_packages(install_requirements: Installed) -> None:
    install_requirements(
        "numpy>=1",
        "pydantic>=999",
        "no-such-package>=2",
        "another-one>=1; extra == 'dev'",
        "torch>=999; extra == 'dev'",
        "never-there; python_version < '3'",
    )
    found = list(check_packages("probe"))
    assert states(found) == {
        "python": "ok",
        "numpy": "ok",
        "pydantic": "too old",
        "no-such-package": "missing",
        "another-one": "note",
        "torch": "note",
    }
    by_name = {each.name: each for each in found}
    assert "required >=999" in by_name["pydantic"].detail
    assert 'pip install "no-such-package>=2"' in by_name["no-such-package"].remedy
    assert by_name["another-one"].detail == "not installed; only for dev"
    assert [each.name for each in found if each.is_required] == ["pydantic", "no-such-package"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_checkpoint: Path) -> Path:
    """A project with all its files, each very small."""
    monkeypatch.chdir(tmp_path)
    settings = yaml.safe_load((ROOT / "params.yaml").read_text())
    shutil.copy(ROOT / "params.yaml", tmp_path)
    write_image(tmp_path, "owl", Image.new("RGB", (4, 4)))
    for checkpoint in settings["checkpoints"].values():
        shutil.copytree(tiny_checkpoint, checkpoint["path"])
    clip = Path(settings["clip"]["path"])
    clip.mkdir(parents=True)
    (clip / "open_clip_model.safetensors").write_bytes(b"clip")
    card = {"sha256": sha256_file(clip / "open_clip_model.safetensors"), "label": "lab weights"}
    (clip / "open_clip_config.json").write_text(json.dumps({"card": card}))
    for name in ("lpips", "descriptor"):
        path = Path(settings["score"]["weights"][name])
        path.parent.mkdir(parents=True)
        path.write_bytes(name.encode())
        path.with_suffix(".json").write_text(json.dumps({"sha256": sha256_file(path)}))
    learned = settings["controls"]["learned"]["folders"].values()
    for folder in (settings["corpus"]["path"], settings["controls"]["path"], *learned):
        Path(folder).mkdir(parents=True)
    return tmp_path


def find_failed() -> dict[str, Check]:
    return {each.name: each for each in doctor.inspect_installation() if each.is_required}


def test_a_complete_project_passes(project: Path) -> None:
    assert find_failed() == {}
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0
    assert "checks passed" in result.stdout
    assert "lpips.safetensors, matches its card" in result.stdout
    assert project == Path.cwd()


def test_weights_that_differ_from_their_card_fail(project: Path) -> None:
    path = project / "data/lab/metrics/distance/lpips.safetensors"
    path.write_bytes(b"other weights")
    found = find_failed()
    assert set(found) == {"score.weights.lpips"}
    assert sha256_file(path) in found["score.weights.lpips"].detail
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 1
    assert "1 of " in result.stdout.splitlines()[-1]
    assert "score.weights.lpips" in result.stdout.splitlines()[-1]


def test_missing_inputs_have_a_remedy(project: Path) -> None:
    shutil.rmtree(project / "data/lab/checkpoints/lab-clean")
    shutil.rmtree(project / "data/lab/clip")
    (project / "data/lab/metrics/descriptor/descriptor.pt").unlink()
    (project / "data/targets/owl/owl.png").unlink()
    found = find_failed()
    assert {name: each.state for name, each in found.items()} == {
        "owl": "missing",
        "lab-clean": "missing",
        "clip": "missing",
        "score.weights.clip": "missing",
        "score.weights.descriptor": "missing",
    }
    assert found["lab-clean"].remedy == "Fetch it: `make lab`."
    assert "`dvc pull data/targets/owl/owl.png.dvc` fetches it" in found["owl"].remedy
    assert "`seedwitness remove owl` removes the target" in found["owl"].remedy


def test_a_project_without_a_target_is_answered_with_the_command_that_adds_one(
    project: Path,
) -> None:
    shutil.rmtree(project / "data/targets")
    (found,) = find_failed().values()
    assert (found.group, found.state, found.detail) == ("targets", "missing", "no target")
    assert "`seedwitness add IMAGE`" in found.remedy


def test_a_target_that_is_not_valid_is_named(project: Path) -> None:
    (project / "data/targets/owl/target.yaml").write_text("image: owl.png\n")
    (found,) = find_failed().values()
    assert (found.group, found.state) == ("targets", "wrong")
    assert "data/targets/owl/target.yaml: `pixels_sha256`: Field required" in found.detail


def test_all_inputs_of_a_user_are_checked(project: Path) -> None:
    settings = yaml.safe_load(Path("params.yaml").read_text())
    settings["recover"]["phrases"] = "data/pictures/phrases.txt"
    settings["controls"]["similar_to"] = ["data/pictures/like/owl.png"]
    described = {"family": "single-file", "config": "models/described", "watch": "models"}
    settings["checkpoints"]["mine"] = described | {
        "path": "models/mine.safetensors",
        "watch": "models",
    }
    Path("params.yaml").write_text(yaml.safe_dump(settings))
    shutil.rmtree("data/pictures/known")
    Path("models").mkdir()
    Path("models/mine.safetensors").write_bytes(b"weights")
    assert {name: each.detail for name, each in find_failed().items()} == {
        "mine": "no models/described/model_index.json",
        "controls.learned.folders.lab-memorised": "no data/pictures/known",
        "controls.similar_to, owl.png": "no data/pictures/like/owl.png",
        "recover.phrases": "no data/pictures/phrases.txt",
    }
    assert project == Path.cwd()


def test_a_checkpoint_without_weights_fails(project: Path) -> None:
    weights = "data/lab/checkpoints/lab-clean/vae/diffusion_pytorch_model.safetensors"
    (project / weights).unlink()
    assert (
        f"There is no {weights}: the checkpoint is incomplete" in find_failed()["lab-clean"].detail
    )


def test_a_file_that_is_no_checkpoint_is_called_what_it_is(project: Path) -> None:
    settings = yaml.safe_load(Path("params.yaml").read_text())
    settings["checkpoints"]["mine"] = {
        "family": "single-file",
        "path": "models/mine.safetensors",
        "watch": "models",
    }
    Path("params.yaml").write_text(yaml.safe_dump(settings))
    Path("models").mkdir()
    keys = ["lora_unet_mid_block.lora_down.weight", "lora_unet_mid_block.lora_up.weight"]
    save_file(dict.fromkeys(keys, np.zeros((2, 2))), project / "models/mine.safetensors")
    found = find_failed()["mine"]
    assert (found.state, "mine.safetensors is a LoRA, and not a whole" in found.detail) == (
        "wrong",
        True,
    )
    # `run` says the same before it starts DVC.
    (wrong,) = doctor.find_wrong_checkpoints()
    assert wrong.detail == found.detail


def test_weights_without_a_card_are_noted(project: Path) -> None:
    (project / "data/lab/metrics/distance/lpips.json").unlink()
    assert find_failed() == {}
    assert states(doctor.inspect_installation())["score.weights.lpips"] == "note"


def test_parameters_that_cannot_be_read(project: Path) -> None:
    (project / "params.yaml").write_text("search: {stps: 3}\n")
    assert find_failed()["params.yaml"].state == "wrong"
    (project / "params.yaml").unlink()
    found = find_failed()
    assert found["params.yaml"].state == "missing"
    assert "seedwitness compose" in found["params.yaml"].detail


@pytest.mark.parametrize(
    ("script", "state", "detail"),
    [
        ("echo 'NVIDIA T4, 15360 MiB, 550.1'; echo 'NVIDIA T4, 15360 MiB, 550.1'", "ok", "T4, 153"),
        ("echo no driver; exit 9", "note", "exit status 9"),
    ],
)
def test_the_gpu_is_found_by_the_drivers_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, state: str, detail: str
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {each.name: each for each in doctor.inspect_installation()}
    assert found["gpu"].state == state
    assert detail in found["gpu"].detail
    assert found["git"].state == "missing"
    assert found["browser"].state == "note"


def test_nothing_heavy_is_imported() -> None:
    script = (
        "import sys; from seedwitness.cli import app\n"
        "try: app(['doctor'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'mlflow', 'dvc', 'pandas', 'hydra'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "packages" in result.stdout
