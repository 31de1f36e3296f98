"""Remotes of DVC: one on an S3 server, and one that is full."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from travelling import ENVIRONMENT, ran, results, run

pytestmark = pytest.mark.slow


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The address of an S3 server on this machine with the empty bucket ``evidence``."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setitem(ENVIRONMENT, name, "anyone")
    command = [Path(sys.executable).with_name("moto_server"), "-H", "127.0.0.1", "-p", "0"]
    log = tmp_path / "moto.log"  # not a pipe, which a server that writes a line a request fills
    with log.open("w") as file, subprocess.Popen(command, stdout=file, stderr=file) as server:
        try:
            address = _wait_for_address(server, log)
            urlopen(Request(f"{address}/evidence", method="PUT"), timeout=60).close()
            yield address
        finally:
            server.terminate()


def _wait_for_address(server: subprocess.Popen[bytes], log: Path) -> str:
    """The address that a server writes into its log when it listens."""
    for _ in range(600):
        found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text())
        if found:
            return found[0]
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError(f"The server did not start:\n{log.read_text()}")


def test_a_clone_and_a_pull_from_s3_give_everything_without_computing(
    served: None, origin: Path, bucket: str, tmp_path: Path
) -> None:
    author, other = tmp_path / "author", tmp_path / "other"
    run(tmp_path, "git", "clone", "-q", str(origin.parent / "hub.git"), str(author))
    run(author, "dvc", "cache", "dir", "--local", str(origin / ".dvc/cache"))
    run(author, "dvc", "remote", "add", "-d", "-f", "store", "s3://evidence/project")
    run(author, "dvc", "remote", "modify", "store", "endpointurl", bucket)
    run(author, "git", "commit", "-qam", "the store is a bucket")
    run(author, "dvc", "push", "-q")

    run(tmp_path, "git", "clone", "-q", str(author), str(other))
    assert str(origin.parent) not in (other / ".dvc/config").read_text()
    run(other, "dvc", "pull", "-q")
    assert results(other) == results(origin)
    assert ran(run(other, "dvc", "repro")) == []
    assert results(other) == results(origin)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of 200 kB, of which the tests may have more."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small file system needs the right to mount: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_remote_loses_nothing_and_the_next_push_completes(
    origin: Path, clone: Path, small_disk: Path
) -> None:
    run(clone, "dvc", "remote", "add", "--local", "-f", "store", str(small_disk / "store"))
    said = run(clone, "dvc", "push", code=1)
    assert f"No space left on device: '{clone}/.dvc/cache" in said
    assert re.search(r"failed to push data to the cloud - \d+ files failed to upload", said)
    assert ran(run(clone, "seedwitness", "run")) == []
    assert results(clone) == results(origin)

    run(clone, "mount", "-o", "remount,size=64m", str(small_disk))
    run(clone, "dvc", "push", "-q")
    assert "in sync" in run(clone, "dvc", "status", "--cloud")
    assert results(clone) == results(origin)
