"""The fork server: a stage in a fork gives the same result as in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from seedwitness.runtime import fork_server

COMMAND = str(Path(sys.executable).parent / "seedwitness")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="stages are forked on Linux only"),
]


@pytest.fixture
def project(tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    checkpoints = {"tiny": {"family": "diffusers", "path": str(tiny_checkpoint)}}
    Path("params.yaml").write_text(yaml.safe_dump({"checkpoints": checkpoints}))
    return tmp_path


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    with fork_server.running_server() as variables:
        yield variables


def run(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *arguments], env=env, capture_output=True, text=True)


def test_a_fork_gives_the_same_bytes(project: Path, environment: dict[str, str]) -> None:
    output = Path("data/identify/tiny/checkpoint.json")
    assert run("stage", "identify", "tiny").returncode == 0
    alone = output.read_bytes()
    output.unlink()
    assert run("stage", "identify", "tiny", env=environment).returncode == 0
    assert output.read_bytes() == alone


def test_a_server_that_runs_is_used_and_one_that_has_ended_is_not(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = environment[fork_server.SOCKET_VARIABLE]
    deadline = time.monotonic() + 60
    while not Path(running).is_socket() and time.monotonic() < deadline:
        time.sleep(0.05)
    monkeypatch.setenv(fork_server.SOCKET_VARIABLE, running)
    with fork_server.running_server() as inner:
        assert inner[fork_server.SOCKET_VARIABLE] == running
    assert Path(running).is_socket()
    monkeypatch.setenv(fork_server.SOCKET_VARIABLE, str(tmp_path / "ended"))
    with fork_server.running_server() as inner:
        assert inner[fork_server.SOCKET_VARIABLE] not in (running, str(tmp_path / "ended"))


def test_a_fork_does_not_repeat_the_heavy_imports(
    project: Path, environment: dict[str, str]
) -> None:
    """Measured by the processor time of the caller, which would include the imports."""
    usage = "import resource, subprocess, sys; subprocess.run(sys.argv[1:]); "
    usage += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime)"
    line = [sys.executable, "-c", usage, COMMAND, "stage", "search", "owl", "tiny"]
    seconds = [
        float(subprocess.run(line, env=env, capture_output=True, text=True).stdout.splitlines()[-1])
        for env in (dict(os.environ), environment)
    ]
    assert seconds[1] < seconds[0] / 2


def test_an_error_reaches_the_caller(project: Path, environment: dict[str, str]) -> None:
    for arguments in (["stage", "identify", "tyni"], ["stage", "idenfity"]):
        alone = run(*arguments)
        forked = run(*arguments, env=environment)
        assert forked.returncode == alone.returncode == 1
        assert forked.stderr == alone.stderr
    debug = run("--debug", "stage", "identify", "tyni", env=environment)
    assert debug.returncode == 1
    assert "Traceback" in debug.stderr


def test_without_a_server_a_stage_runs_in_its_own_process(project: Path) -> None:
    env = {**os.environ, fork_server.SOCKET_VARIABLE: str(project / "nobody")}
    assert run("stage", "identify", "tiny", env=env).returncode == 0


def test_after_the_run_was_killed_no_stage_begins(project: Path) -> None:
    owner = subprocess.Popen(["true"])
    owner.wait()
    (project / fork_server.OWNER).write_text(str(owner.pid))
    env = {**os.environ, fork_server.SOCKET_VARIABLE: str(project / "socket")}
    assert run("stage", "identify", "tiny", env=env).returncode == 128 + signal.SIGINT
    assert not Path("data/identify").exists()


INTERRUPTED = """
import os, signal, sys
from seedwitness.runtime import fork_server

class Interrupted:
    def flush(self):
        os.kill(os.getpid(), signal.SIGINT)

def command(arguments):
    sys.stdout = Interrupted()
    raise SystemExit(0)

fork_server.serve(sys.argv[1], command, ())
"""


def test_a_finished_fork_answers_despite_an_interrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "socket"
    line = [sys.executable, "-c", INTERRUPTED, str(path)]
    with subprocess.Popen(line, stdin=subprocess.PIPE) as server:
        monkeypatch.setenv(fork_server.SOCKET_VARIABLE, str(path))
        answer = None
        while answer is None and server.poll() is None:  # until it listens
            answer = fork_server.run_in_fork(["stage"])
            time.sleep(0.02)
    assert answer == 0


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def has_ended(pid: int) -> bool:
    for _ in range(400):
        if not is_alive(pid):
            return True
        time.sleep(0.05)
    return False


def test_a_fork_ends_with_its_caller_and_the_server_with_its_owner(project: Path) -> None:
    script = (
        "import subprocess, sys, os\n"
        "from seedwitness.runtime import fork_server\n"
        "with fork_server.running_server() as env:\n"
        "    subprocess.run([sys.argv[1], 'stage', 'identify', 'slow'], env=env)\n"
    )
    fifo = project / "slow"
    fifo.mkdir()
    os.mkfifo(fifo / "model_index.json")  # reading it waits for ever
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["checkpoints"]["slow"] = {"family": "diffusers", "path": str(fifo)}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    owner = subprocess.Popen([sys.executable, "-c", script, COMMAND], start_new_session=True)
    writer = None
    try:
        while writer is None:  # until the fork has opened it for reading
            try:
                writer = os.open(fifo / "model_index.json", os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                assert owner.poll() is None
                time.sleep(0.02)
        readers: set[int] = set()
        while not readers:
            assert owner.poll() is None
            readers = _find_readers(fifo / "model_index.json") - {os.getpid()}
        assert len(readers) == 1
        (fork,) = readers
        server = int(Path(f"/proc/{fork}/stat").read_text().split()[3])
    finally:
        os.killpg(owner.pid, signal.SIGKILL)
        owner.wait()
    assert has_ended(fork)
    assert has_ended(server)
    os.close(writer)


def _find_readers(path: Path) -> set[int]:
    """Processes that have ``path`` open."""
    pids = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) == str(path):
                pids.add(int(link.parts[2]))
        except OSError:  # gone, or not ours
            continue
    return pids
