"""A killed run may cut a file of DVC anywhere: what cannot be read is put aside, and only that."""

import json
import random
import shutil
from pathlib import Path

import pytest
import yaml
from dvc.schema import COMPILED_LOCKFILE_SCHEMA

from seedwitness.commands.repair import ASIDE, READERS_LOCK, repair_lock_files

LOCK = Path(__file__).parents[2] / "data/lab/dvc.lock"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(LOCK, tmp_path / "dvc.lock")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_whole_files_stay(project: Path) -> None:
    target = project / "data/targets/owl/dvc.lock"
    target.parent.mkdir(parents=True)
    shutil.copy(LOCK, target)
    (project / READERS_LOCK).parent.mkdir(parents=True)
    (project / READERS_LOCK).write_text("")
    assert repair_lock_files() == []
    assert target.read_bytes() == LOCK.read_bytes()


def test_wherever_a_lock_file_is_cut_dvc_can_read_what_is_left(project: Path) -> None:
    whole = LOCK.read_bytes()
    random_cuts = random.Random(1).sample(range(len(whole)), 150)
    put_aside = 0
    for end in [0, 1, *random_cuts]:
        Path("dvc.lock").write_bytes(whole[:end])
        if repair_lock_files():
            put_aside += 1
            assert not Path("dvc.lock").exists()
            assert (ASIDE / "dvc.lock").read_bytes() == whole[:end]
        else:
            COMPILED_LOCKFILE_SCHEMA(yaml.safe_load(Path("dvc.lock").read_text()))
    assert 20 < put_aside < 152
    assert project == Path.cwd()


def test_a_cut_record_of_readers_is_put_aside(project: Path) -> None:
    path = project / READERS_LOCK
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"a": {"read": [{"pid": 1, "cmd": "dvc repro"}]}})[:20])
    assert repair_lock_files() == [READERS_LOCK]
    assert not path.exists()
