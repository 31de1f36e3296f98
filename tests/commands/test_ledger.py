"""`seedwitness ledger`: keys with sizes, dates and users, and pruning."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seedwitness.cli import app
from seedwitness.runtime.keyed_cache import ROOT, describe_key, record_use


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for key in ("aaaa" * 8, "bbbb" * 8):
        libraries = {"torch": "2.13.0"}
        describe_key(ROOT / key, {"code_sha256": "f" * 64, "libraries": libraries, "device": "cpu"})
        (ROOT / key / "part.safetensors").write_bytes(b"0" * 2_000_000)
    record_use(ROOT, "search/owl/own", ["aaaa" * 8])
    record_use(ROOT, "search/gone/own", ["bbbb" * 8])
    Path("data/search/owl/own").mkdir(parents=True)
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["ledger", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_every_key_is_a_line(project: Path) -> None:
    _, first, second, total = run().splitlines()
    assert {first[:12], second[:12]} == {"aaaaaaaaaaaa", "bbbbbbbbbbbb"}
    line = first if first.startswith("a") else second
    assert "search/owl/own" in line
    assert "torch 2.13.0" in line
    assert "2.00" in line
    assert total.startswith("2 keys")
    assert "1 of them" in total


def test_pruning_removes_keys_without_users(project: Path) -> None:
    run("--prune")
    assert {path.name for path in ROOT.iterdir()} == {"aaaa" * 8, "uses"}


def test_the_list_can_be_json(project: Path) -> None:
    entries = json.loads(run("--json"))
    assert {entry["key"]: entry["users"] for entry in entries} == {
        "aaaa" * 8: ["search/owl/own"],
        "bbbb" * 8: [],
    }


def test_an_empty_project_has_no_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run().splitlines()[-1].startswith("0 keys")
