"""A bundle of the small project, whose images are made again on a checkpoint found by its hash."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from bundled import call
from safetensors.torch import load_file, save_file

from seedwitness.bundle.record import BundleRecord

pytestmark = pytest.mark.slow
UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def packed(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("packed") / "owl.zip"
    call(whole, "bundle", "owl", "--out", path)
    return path


def test_a_bundle_of_a_real_project_holds(whole: Path, packed: Path, tmp_path: Path) -> None:
    result = json.loads(call(tmp_path, "verify", packed, "--page", "--json", code=3).stdout)
    states = {check["name"]: check["state"] for check in result["checks"]}
    assert "FAILED" not in states.values(), result
    for name in ("latents", "pictures", "tables", "findings", "figures", "page"):
        assert states[name] == "ok"
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
        record = BundleRecord.model_validate_json(archive.read("bundle.json"))
    assert sum(name.startswith("pictures/controls/") for name in names) == 6
    for checkpoint in record.checkpoints:
        weights = [each for each in checkpoint.files if each.name.endswith(".safetensors")]
        assert len(weights) == 3
        assert all(each.autov3 and each.tensors for each in weights)
        assert all(each.autov2 == each.sha256[:10] for each in checkpoint.files)


def test_each_cited_image_is_made_again(whole: Path, packed: Path, tmp_path: Path) -> None:
    """The weights lie elsewhere, under another name, beside others."""
    for name in ("own", "clean"):
        shutil.copytree(whole / "models" / name, tmp_path / "weights" / f"moved-{name}")
    arguments = ("verify", packed, "--rerun", "--checkpoint", tmp_path / "weights", "--json")
    result = json.loads(call(tmp_path, *arguments, code=3).stdout)
    made = [check for check in result["checks"] if check["name"].startswith("rerun")]
    assert len(made) >= 4
    assert {check["state"] for check in made} == {"ok"}
    assert all("Noise: as reported" in check["detail"] for check in made)


def test_other_weights_are_not_taken(whole: Path, packed: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(whole / "models/own", tmp_path / "weights/own")
    state = load_file(folder / UNET)
    state["conv_in.bias"] += 1
    save_file(state, folder / UNET, {"format": "pt"})
    arguments = ("verify", packed, "--rerun", "--checkpoint", tmp_path / "weights")
    output = call(tmp_path, *arguments, code=1).output
    assert "None of 1 checkpoints in" in output


def test_render_works_from_a_bundle_in_an_empty_folder(
    whole: Path, packed: Path, tmp_path: Path
) -> None:
    arguments: tuple[object, ...] = ("render", packed, "--checkpoint", "own")
    output = call(tmp_path, *arguments, "--weights", whole / "models").output
    assert "Noise: as reported" in output
    assert (tmp_path / "rendered.png").is_file()


def test_changed_weights_are_refused(whole: Path, tmp_path: Path) -> None:
    project = shutil.copytree(whole, tmp_path / "project")
    path = project / "models/own" / UNET
    state = load_file(path)
    state["conv_in.bias"] += 1
    save_file(state, path, {"format": "pt"})
    output = call(project, "bundle", "owl", "--out", tmp_path / "x", code=1).output
    assert "is not the file that the report is about" in output


def test_a_signature_of_the_checkpoint_is_copied(whole: Path, tmp_path: Path) -> None:
    project = shutil.copytree(whole, tmp_path / "project")
    (project / "models/own/model.sig").write_bytes(b'{"mediaType": "x"}')
    call(project, "bundle", "owl", "--out", tmp_path / "signed")
    assert (tmp_path / "signed/checkpoints/own/0.sig").read_bytes() == b'{"mediaType": "x"}'
    assert "model_signing verify" in (tmp_path / "signed/README.md").read_text()
    call(tmp_path, "verify", tmp_path / "signed", code=3)
