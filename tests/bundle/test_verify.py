"""What `seedwitness verify` says of honest bundles, how it ends, and that no secret gets out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from bundled import PASS_PHRASE, TARGET, call, write_project

from seedwitness.bundle.secret_values import hide_passwords, list_secrets, require_no_secret
from seedwitness.errors import BundleError

ADDRESS = "postgresql://reader:s3cret-horse%21@db.example.org/mlflow"


def test_levels_and_exit_codes(
    project: Path, sealed: Path, key: Path, public: Path, tmp_path: Path
) -> None:
    call(project, "bundle", TARGET, "--out", tmp_path / "plain.zip")
    levels = {
        (sealed, "--key", public): ("trusted", 0),
        (sealed,): ("signed", 0),
        (tmp_path / "plain.zip",): ("whole", 3),
        (tmp_path / "plain.zip", "--key", public): ("altered", 1),
    }
    for arguments, (level, code) in levels.items():
        result = json.loads(call(tmp_path, "verify", *arguments, "--json", code=code).stdout)
        assert result["level"] == level
        assert result["target"] == TARGET
    call(tmp_path, "keygen", "--out", tmp_path / "other")
    output = call(tmp_path, "verify", sealed, "--key", tmp_path / "other.pub", code=1).stdout
    assert "not signed by this key" in output
    assert "the bundle is not what its maker sealed" in output


def test_it_needs_no_torch_and_no_network(sealed: Path) -> None:
    """The recipient's laptop: a process in which torch, DVC and MLflow cannot be imported."""
    script = f"""
import sys
class Missing:
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {{"torch", "torchvision", "diffusers", "transformers", "dvc",
                                   "mlflow", "altair", "numba", "faiss", "hydra", "rocrate"}}:
            raise ImportError(name)
sys.meta_path.insert(0, Missing())
import socket
socket.socket.connect = lambda *_: sys.exit("a connection")
from seedwitness.cli import app
app(["verify", {str(sealed)!r}])
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    assert "FAILED" not in ended.stdout


def test_rerun_needs_a_folder(sealed: Path, tmp_path: Path) -> None:
    assert (
        "--rerun needs --checkpoint" in call(tmp_path, "verify", sealed, "--rerun", code=2).output
    )
    output = call(tmp_path, "verify", sealed, "--rerun", "--checkpoint", tmp_path, code=1).output
    assert "None of 0 checkpoints in" in output


def test_passwords_do_not_land_in_a_bundle(key: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    write_project(root, tracking={"uri": ADDRESS})
    out = tmp_path / "out"
    output = call(root, "bundle", TARGET, "--key", key, "--out", out).output
    assert "Passwords were hidden in params.yaml." in output
    assert yaml.safe_load((out / "params.yaml").read_text())["tracking"]["uri"] == (
        "postgresql://reader:***@db.example.org/mlflow"
    )
    written = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    for secret in (b"s3cret-horse", PASS_PHRASE.encode(), b"PRIVATE KEY", str(key).encode()):
        assert secret not in written
        assert secret.decode() not in output
    call(tmp_path, "verify", out)


def test_a_secret_in_a_file_stops_the_bundle(project: Path, tmp_path: Path) -> None:
    token = "MLFLOW_TRACKING_TOKEN"
    output = call(
        project, "bundle", TARGET, "--out", tmp_path / "out", code=1, **{token: "a heron at dusk"}
    ).output
    assert "No bundle was written" in output
    assert "a heron at dusk" not in output
    assert not (tmp_path / "out").exists()


def test_secrets_are_known_by_their_names() -> None:
    environment = {
        "AWS_SECRET_ACCESS_KEY": "abcdefghijkl",
        "HF_TOKEN": "hf_0123456789",
        "SHORT_TOKEN": "abc",
        "PATH": "/usr/bin:/bin/xyz",
        "SEEDWITNESS_SIGNING_KEY": str(Path(__file__)),
    }
    assert list_secrets([], environment) == [b"abcdefghijkl", b"hf_0123456789"]
    hidden, words = hide_passwords(f"uri: {ADDRESS}\nother: https://example.org/a@b\n")
    assert "s3cret" not in hidden
    assert list_secrets(words, {}) == [b"s3cret-horse!", b"s3cret-horse%21"]
    with pytest.raises(BundleError, match="private key"):
        require_no_secret("x", b"-----BEGIN OPENSSH PRIVATE KEY-----", [])
