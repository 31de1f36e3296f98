"""A killed run may cut a file of DVC anywhere: what cannot be read is put aside, and only that."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.schema import COMPILED_LOCKFILE_SCHEMA

from seedwitness.commands.repair import ASIDE, READERS_LOCK, LockCopies, repair_lock_files
from seedwitness.errors import ConfigError

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


def test_the_newest_whole_copy_takes_the_place_of_a_file_that_was_cut(project: Path) -> None:
    copies = LockCopies()
    copies.update()
    content = yaml.safe_load(LOCK.read_text())
    content["stages"].popitem()
    newer = yaml.safe_dump(content)
    Path("dvc.lock").write_text(newer)
    copies.update()
    Path("dvc.lock").write_text(newer[:-20])  # a copy of this would be of no use
    copies.update()
    Path("dvc.lock").write_text("")
    assert repair_lock_files() == [Path("dvc.lock")]
    assert Path("dvc.lock").read_text() == newer
    assert project == Path.cwd()


@pytest.mark.parametrize("kind", ["read", "write"])
def test_a_reader_counts_only_while_it_is_a_process_of_dvc(project: Path, kind: str) -> None:
    """DVC asks whether a number is in use, which it may be again, by another program."""
    path = project / READERS_LOCK
    path.parent.mkdir(parents=True)
    arguments = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    for words, stays in (((), False), (("-m", "dvc", "repro"), True)):
        with subprocess.Popen([*arguments, *words], stdin=subprocess.PIPE) as process:
            info = {"pid": process.pid, "cmd": "dvc repro"}
            path.write_text(json.dumps({kind: {"data": [info] if kind == "read" else info}}))
            assert repair_lock_files() == []
            assert path.exists() == stays
            process.communicate()
        assert repair_lock_files() == []
        assert not path.exists()


def test_nothing_is_repaired_while_dvc_works(project: Path, monkeypatch: Any) -> None:
    from dvc import lock

    monkeypatch.setattr(lock, "DEFAULT_TIMEOUT", 0.1)
    repair_lock_files()  # makes the folder
    with lock.Lock(str(project / ".dvc/tmp/lock")), pytest.raises(ConfigError, match="of DVC"):
        repair_lock_files()
