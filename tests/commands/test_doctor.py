"""What the doctor finds, on real packages, files and commands."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from seedwitness.cli import app
from seedwitness.commands import doctor
from seedwitness.runtime.files import sha256_file

ROOT = Path(__file__).parents[2]

Installed = Callable[..., None]


@pytest.fixture
def requiring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """Installs a package that requires others; as far as importlib.metadata sees."""

    def install(*requirements: str) -> None:
        folder = tmp_path / "site" / "probe-1.0.dist-info"
        folder.mkdir(parents=True)
        lines = ["Metadata-Version: 2.1", "Name: probe", "Version: 1.0"]
        lines += [f"Requires-Dist: {each}" for each in requirements]
        (folder / "METADATA").write_text("\n".join(lines) + "\n")
        monkeypatch.syspath_prepend(tmp_path / "site")

    return install


def states(found: list[doctor.Check]) -> dict[str, str]:
    return {each.name: each.state for each in found}


def test_the_environment_of_the_tests_is_well() -> None:
    found = list(doctor.packages())
    assert [each for each in found if each.is_required] == []
    assert {"python", "torch", "mlflow", "dvc"} <= set(states(found))


def test_missing_and_old_packages(requiring: Installed) -> None:
    requiring(
        "numpy>=1",
        "pydantic>=999",
        "no-such-package>=2",
        "another-one>=1; extra == 'dev'",
        "torch>=999; extra == 'dev'",
        "never-there; python_version < '3'",
    )
    found = list(doctor.packages("probe"))
    assert states(found) == {
        "python": "ok",
        "numpy": "ok",
        "pydantic": "too old",
        "no-such-package": "missing",
        "another-one": "note",
        "torch": "note",
    }
    by_name = {each.name: each for each in found}
    assert "wanted >=999" in by_name["pydantic"].what
    assert 'pip install "no-such-package>=2"' in by_name["no-such-package"].remedy
    assert by_name["another-one"].what == "not installed; only for dev"
    assert [each.name for each in found if each.is_required] == ["pydantic", "no-such-package"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose files are all there, each very small."""
    monkeypatch.chdir(tmp_path)
    settings = yaml.safe_load((ROOT / "params.yaml").read_text())
    settings["targets"] = {"owl": {"path": "owl.png"}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(settings))
    Image.new("RGB", (4, 4)).save("owl.png")
    for checkpoint in settings["checkpoints"].values():
        place = Path(checkpoint["path"])
        for part in ("unet", "vae", "text_encoder"):
            (place / part).mkdir(parents=True)
            (place / part / "model.safetensors").write_bytes(b"weights")
        (place / "model_index.json").write_text("{}")
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
    known = settings["controls"]["known"]["folders"].values()
    for folder in (settings["corpus"]["path"], settings["controls"]["path"], *known):
        Path(folder).mkdir(parents=True)
    return tmp_path


def needed() -> dict[str, doctor.Check]:
    return {each.name: each for each in doctor.inspect_installation() if each.is_required}


def test_a_project_that_is_well(project: Path) -> None:
    assert needed() == {}
    ended = CliRunner().invoke(app, ["doctor"])
    assert ended.exit_code == 0
    assert "are well" in ended.stdout
    assert "lpips.safetensors, as its card says" in ended.stdout
    assert project == Path.cwd()


def test_weights_that_are_not_what_their_card_says(project: Path) -> None:
    path = project / "data/lab/metrics/distance/lpips.safetensors"
    path.write_bytes(b"other weights")
    found = needed()
    assert set(found) == {"score.weights.lpips"}
    assert sha256_file(path) in found["score.weights.lpips"].what
    ended = CliRunner().invoke(app, ["doctor"])
    assert ended.exit_code == 1
    assert "1 of " in ended.stdout.splitlines()[-1]
    assert "score.weights.lpips" in ended.stdout.splitlines()[-1]


def test_what_is_missing_and_how_to_get_it(project: Path) -> None:
    shutil.rmtree(project / "data/lab/checkpoints/lab-clean")
    shutil.rmtree(project / "data/lab/clip")
    (project / "data/lab/metrics/descriptor/descriptor.pt").unlink()
    (project / "owl.png").unlink()
    found = needed()
    assert {name: each.state for name, each in found.items()} == {
        "owl": "missing",
        "lab-clean": "missing",
        "clip": "missing",
        "score.weights.clip": "missing",
        "score.weights.descriptor": "missing",
    }
    assert found["lab-clean"].remedy == "Fetch it: `make lab`."


def test_all_that_a_user_brings_is_looked_for(project: Path) -> None:
    settings = yaml.safe_load(Path("params.yaml").read_text())
    settings["recover"]["phrases"] = "data/pictures/phrases.txt"
    settings["controls"]["like"] = ["data/pictures/like/owl.png"]
    described = {"family": "single-file", "config": "models/described", "watch": "models"}
    settings["checkpoints"]["mine"] = described | {"path": "models/mine.safetensors"}
    Path("params.yaml").write_text(yaml.safe_dump(settings))
    shutil.rmtree("data/pictures/known")
    Path("models").mkdir()
    Path("models/mine.safetensors").write_bytes(b"weights")
    assert {name: each.what for name, each in needed().items()} == {
        "mine": "no models/described/model_index.json",
        "controls.learned.folders.lab-memorised": "no data/pictures/known",
        "controls.similar_to, owl.png": "no data/pictures/like/owl.png",
        "recover.phrases": "no data/pictures/phrases.txt",
    }
    assert project == Path.cwd()


def test_a_checkpoint_that_is_half_there(project: Path) -> None:
    (project / "data/lab/checkpoints/lab-clean/vae/model.safetensors").unlink()
    assert needed()["lab-clean"].what.endswith("vae holds no weights")


def test_weights_without_a_card_are_noted(project: Path) -> None:
    (project / "data/lab/metrics/distance/lpips.json").unlink()
    assert needed() == {}
    assert states(doctor.inspect_installation())["score.weights.lpips"] == "note"


def test_parameters_that_cannot_be_read(project: Path) -> None:
    (project / "params.yaml").write_text("search: {stps: 3}\n")
    assert needed()["params.yaml"].state == "wrong"
    (project / "params.yaml").unlink()
    found = needed()
    assert found["params.yaml"].state == "missing"
    assert "seedwitness compose" in found["params.yaml"].what


@pytest.mark.parametrize(
    ("script", "state", "what"),
    [
        ("echo 'NVIDIA T4, 15360 MiB, 550.1'; echo 'NVIDIA T4, 15360 MiB, 550.1'", "ok", "T4, 153"),
        ("echo no driver; exit 9", "note", "exit status 9"),
    ],
)
def test_the_gpu_is_asked_for_by_the_drivers_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, state: str, what: str
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {each.name: each for each in doctor.inspect_installation()}
    assert found["gpu"].state == state
    assert what in found["gpu"].what
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
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "packages" in ended.stdout
