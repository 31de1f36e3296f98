"""Stages as forks of one process that has imported what they need.

DVC starts a process a stage, and importing torch, diffusers and open_clip takes each of them
seconds. While `seedwitness run` is at work it keeps one process that has imported all that. Asked
through a socket, that process forks, and the fork runs the stage in the caller's working directory,
with its environment and its terminal. Nothing is computed before the fork, so a stage gives the
same bytes as in a process of its own, which is where it runs when nobody listens.
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

Command = Callable[[list[str]], object]

SOCKET_VARIABLE = "SEEDWITNESS_FORK_SERVER"
"""Names the socket for who is started while somebody listens."""

_CODE = struct.Struct("!i")
_GRACE = 5.0  # seconds to put things in order after a caller's end


@contextmanager
def running_server() -> Iterator[dict[str, str]]:
    """Gives the environment in which stages are forks; the process ends with the block.

    Where there are no Unix sockets or no safe fork (macOS, Windows) the environment is our own.
    """
    if sys.platform != "linux":
        yield dict(os.environ)
        return
    with TemporaryDirectory(prefix="seedwitness-") as folder:
        path = str(Path(folder) / "socket")
        # It ends when our end of its standard input does, however we end.
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
            server.terminate()  # it may still be importing
            server.wait()


def forward(arguments: Sequence[str]) -> int | None:
    """Have `seedwitness ARGUMENTS` run in a fork; its exit code, or None if nobody listens."""
    path = os.environ.get(SOCKET_VARIABLE)
    if path is None:
        return None
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(path)
        except OSError:
            return None
        asked = {"arguments": list(arguments), "cwd": os.getcwd(), "environment": dict(os.environ)}
        message = json.dumps(asked).encode()
        socket.send_fds(connection, [struct.pack("!I", len(message))], [0, 1, 2])
        connection.sendall(message)
        answer = connection.recv(_CODE.size)
    return int(_CODE.unpack(answer)[0]) if len(answer) == _CODE.size else 128 + signal.SIGKILL


def serve(path: str, command: Command, modules: Sequence[str]) -> None:
    """Listen at ``path``, import ``modules``, and fork for each caller until stdin is closed.

    ``command`` is the whole command line, given its arguments.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(path)
        listener.listen(64)  # who calls during the imports waits
        for name in modules:
            import_module(name)
        selector.register(listener, selectors.EVENT_READ)
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        while not any(key.fileobj is not listener for key, _ in selector.select()):
            connection, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                selector.close()
                _answer(connection, command)
            connection.close()


def _answer(connection: socket.socket, command: Command) -> None:
    """In a fork: become what the caller asked for, run it, and say how it ended."""
    code = 1
    try:
        asked = _received(connection)
        os.chdir(asked["cwd"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        os.environ.pop(SOCKET_VARIABLE, None)  # what it starts, it starts itself
        threading.Thread(target=_end_with_caller, args=(connection,), daemon=True).start()
        command(asked["arguments"])
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        # From here on nobody is to be interrupted: a caller that has its answer goes away.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        connection.sendall(_CODE.pack(code))
        os._exit(code)


def _received(connection: socket.socket) -> dict[str, Any]:
    header, files, _, _ = socket.recv_fds(connection, 4, 3)
    (length,) = struct.unpack("!I", header)
    with connection.makefile("rb") as stream:
        asked: dict[str, Any] = json.loads(stream.read(length))
    for own, theirs in enumerate(files):
        os.dup2(theirs, own)
        os.close(theirs)
    return asked


def _end_with_caller(connection: socket.socket) -> None:
    """Interrupt this process when its caller is gone, as the terminal would; then end it."""
    if connection.recv(1) == b"":
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(_GRACE)
        os._exit(128 + signal.SIGINT)
