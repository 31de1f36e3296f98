"""The fork server: runs stages as forks of one process that has imported their libraries.

DVC starts a process for each stage, and importing torch, diffusers and open_clip takes seconds.
`seedwitness run` keeps one process that has imported them. On a request through a socket that
process forks, and the fork runs the stage in the caller's working directory, with its environment
and its terminal. Nothing is computed before the fork, so a stage gives the same bytes as in a
process of its own. Without a server a stage runs in its own process.

The forks end when the run ends in any way, and a stage that is started after that does not run.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

Command = Callable[[list[str]], object]

SOCKET_VARIABLE = "SEEDWITNESS_FORK_SERVER"
"""The environment variable with the path of the socket, set while a server runs."""

OWNER = "owner"
"""The file beside the socket with the number of the process that started the server."""

_CODE = struct.Struct("!i")
_GRACE = 5.0  # seconds to clean up after the caller has ended


@contextmanager
def running_server() -> Iterator[dict[str, str]]:
    """Run a server during the block; gives the environment in which stages use it.

    Without Unix sockets or a safe fork (macOS, Windows) there is no server, and the environment is
    that of this process. So it is where the environment names a server that runs already.
    """
    if sys.platform != "linux" or Path(os.environ.get(SOCKET_VARIABLE, "")).is_socket():
        yield dict(os.environ)
        return
    with TemporaryDirectory(prefix="seedwitness-") as folder:
        path = str(Path(folder) / "socket")
        Path(folder, OWNER).write_text(str(os.getpid()))
        # It ends when this process closes its standard input, or ends in any way.
        server = subprocess.Popen(
            [str(Path(sys.executable).parent / "seedwitness"), "fork-server", path],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield {**os.environ, SOCKET_VARIABLE: path}
        finally:
            assert server.stdin is not None
            server.stdin.close()
            server.terminate()
            try:
                server.wait(_GRACE)
            except subprocess.TimeoutExpired:  # still importing a library
                server.kill()
                server.wait()


def run_in_fork(arguments: Sequence[str]) -> int | None:
    """Run `seedwitness ARGUMENTS` in a fork; its exit code, or None if there is no server.

    Where the process that started the server was killed, nothing runs: the code is that of an
    interrupt.
    """
    path = os.environ.get(SOCKET_VARIABLE)
    if path is None:
        return None
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(path)
        except OSError:
            return 128 + signal.SIGINT if _is_owner_dead(path) else None
        request = {
            "arguments": list(arguments),
            "cwd": os.getcwd(),
            "environment": dict(os.environ),
        }
        message = json.dumps(request).encode()
        socket.send_fds(connection, [struct.pack("!I", len(message))], [0, 1, 2])
        connection.sendall(message)
        answer = connection.recv(_CODE.size)
    return int(_CODE.unpack(answer)[0]) if len(answer) == _CODE.size else 128 + signal.SIGKILL


def _is_owner_dead(path: str) -> bool:
    """Whether the process that started the server has ended without removing its folder."""
    owner = Path(path).with_name(OWNER)
    return owner.is_file() and not psutil.pid_exists(int(owner.read_text()))


def serve(path: str, command: Command, modules: Sequence[str]) -> None:
    """Listen at ``path``, import ``modules``, and fork for each caller until stdin is closed.

    ``command`` runs the command line with the arguments of a request.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the forks are not waited for
    signal.signal(signal.SIGTERM, _end_with_forks)
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(path)
        listener.listen(64)  # requests during the imports wait
        for name in modules:
            import_module(name)
        selector.register(listener, selectors.EVENT_READ)
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        while not any(key.fileobj is not listener for key, _ in selector.select()):
            connection, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                listener.close()
                selector.close()
                _run_request(connection, command)
            connection.close()
        _end_with_forks()


def _end_with_forks(*_: object) -> None:
    """Interrupt all forks, which are in the group of this process, and end."""
    if os.getpgrp() == os.getpid():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.killpg(0, signal.SIGINT)
    os._exit(0)


def _run_request(connection: socket.socket, command: Command) -> None:
    """In a fork: take on the caller's environment, run the command, and send its exit code."""
    code = 1
    try:
        request = _receive_request(connection)
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["environment"])
        os.environ.pop(SOCKET_VARIABLE, None)  # its own subprocesses do not use the server
        threading.Thread(target=_exit_with_caller, args=(connection,), daemon=True).start()
        command(request["arguments"])
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        # No interrupts from here on: a caller that has its answer ends, which interrupts this fork.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        connection.sendall(_CODE.pack(code))
        os._exit(code)


def _receive_request(connection: socket.socket) -> dict[str, Any]:
    header, files, _, _ = socket.recv_fds(connection, 4, 3)
    (length,) = struct.unpack("!I", header)
    with connection.makefile("rb") as stream:
        request: dict[str, Any] = json.loads(stream.read(length))
    for descriptor, received in enumerate(files):
        os.dup2(received, descriptor)
        os.close(received)
    return request


def _exit_with_caller(connection: socket.socket) -> None:
    """Interrupt this process when its caller has ended, as the terminal would; then end it."""
    if connection.recv(1) == b"":
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(_GRACE)
        os._exit(128 + signal.SIGINT)
