"""Files are complete or absent, and a full disk gives an error: tested on a real full disk."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seedwitness.errors import DiskFullError, WriteError
from seedwitness.runtime.files import (
    explain_write_errors,
    replace_whole,
    write_whole,
)
from seedwitness.runtime.hashes import sha256_file


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_writes_bytes_and_text(tmp_path: Path) -> None:
    write_whole(tmp_path / "new" / "a.bin", b"\x00\xff")
    write_whole(tmp_path / "new" / "a.txt", "ε × 2")
    assert (tmp_path / "new" / "a.bin").read_bytes() == b"\x00\xff"
    assert (tmp_path / "new" / "a.txt").read_bytes() == "ε × 2".encode()
    assert names(tmp_path / "new") == ["a.bin", "a.txt"]


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, "old")
    with replace_whole(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_the_free_path_keeps_the_suffix(tmp_path: Path) -> None:
    with replace_whole(tmp_path / "a.png") as part:
        assert part.suffix == ".png"
        assert part.parent == tmp_path
        part.touch()


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_a_failed_block_leaves_the_old_and_nothing_else(
    tmp_path: Path, error: BaseException
) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, "old")

    def fail() -> None:
        with replace_whole(path) as part:
            part.write_text("half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_replaces_a_folder_with_all_it_held(tmp_path: Path) -> None:
    for content in ("old", "new"):
        with replace_whole(tmp_path / "model") as part:
            (part / "unet").mkdir(parents=True)
            (part / "unet" / content).write_text(content)
    assert names(tmp_path) == ["model"]
    assert names(tmp_path / "model" / "unet") == ["new"]


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").touch()

    def fail() -> None:
        with replace_whole(tmp_path / "model") as part:
            part.mkdir()
            (part / "half").touch()
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 (any one, as raised above)
        fail()
    assert names(tmp_path) == ["model"]
    assert names(tmp_path / "model") == ["old"]


def test_a_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, "old")
    script = (
        "import os, sys; from pathlib import Path\n"
        "from seedwitness.runtime.files import replace_whole\n"
        "with replace_whole(Path(sys.argv[1])) as part:\n"
        "    part.write_text('half'); os.kill(os.getpid(), 9)\n"
    )
    process = subprocess.run([sys.executable, "-c", script, path], check=False)
    assert process.returncode == -9
    assert path.read_text() == "old"
    write_whole(path, "new")
    assert path.read_text() == "new"


def test_sha256_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"seedwitness" * 100_000)
    assert sha256_file(path) == hashlib.sha256(b"seedwitness" * 100_000).hexdigest()


def test_a_log_on_a_full_disk_says_what_to_do() -> None:
    full = Path("/dev/full")  # every write to it fails with ENOSPC
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with (
        pytest.raises(DiskFullError, match=r"/dev/full.*Free some space"),
        explain_write_errors(full),
        full.open("w") as file,
    ):
        file.write("a line")


# The libraries report a full disk differently: OSError, SafetensorError, RuntimeError.
WRITERS = {
    "bytes.bin": "part.write_bytes(os.urandom(4_000_000))",
    "text.json": "part.write_text('x' * 4_000_000)",
    "weights.safetensors": (
        "import numpy, safetensors.numpy\n"
        "    safetensors.numpy.save_file({'a': numpy.zeros(1_000_000)}, part)"
    ),
    "state.pt": "import torch\n    torch.save(torch.randn(1_000_000), part)",
    "table.parquet": (
        "import numpy, pandas\n"
        "    pandas.DataFrame(numpy.random.default_rng(0).random((3000, 200))).to_parquet(part)"
    ),
    "picture.png": (
        "import PIL.Image\n"
        "    PIL.Image.frombytes('RGB', (1200, 1200), os.urandom(4_320_000)).save(part)"
    ),
    "folder": "part.mkdir(); (part / 'a').write_bytes(os.urandom(4_000_000))",
}
SCRIPT = """\
import json, os, sys
from pathlib import Path
from seedwitness.errors import WriteError
from seedwitness.runtime.files import replace_whole

path = Path(sys.argv[1])
message = None
try:
  with replace_whole(path) as part:
    WRITER
except WriteError as error:
  message = f"{type(error).__name__} {error}"
print(json.dumps([message, sorted(os.listdir(path.parent))]))
"""


@pytest.fixture(scope="module")
def unshare() -> str:
    """The command that gives a test its own mount, if this system and user may mount."""
    command = shutil.which("unshare")
    if command is None:
        pytest.skip("a small disk to fill needs `unshare` (Linux)")
    trial = [command, "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if subprocess.run(trial, capture_output=True, check=False).returncode != 0:
        pytest.skip("this user may not mount a small disk to fill")
    return command


def write_on_disk(
    unshare: str, options: str, folder: Path, name: str
) -> tuple[str | None, list[str]]:
    """Write `name` on a disk mounted with `options`: the error message, and the files left."""
    # Only this process sees the disk, which disappears with it.
    mounted = 'mount -t tmpfs -o "$1" tmpfs "$2" && exec "$3" -c "$4" "$2/$5"'
    shell = ["sh", "-c", mounted, "sh", options, folder]
    script = SCRIPT.replace("WRITER", WRITERS[name])
    process = subprocess.run(
        [unshare, "--map-root-user", "--mount", *shell, sys.executable, script, name],
        capture_output=True,
        text=True,
        check=True,
    )
    message, left = json.loads(process.stdout)
    return message, left


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_names_the_file_and_leaves_nothing(
    name: str, unshare: str, tmp_path: Path
) -> None:
    message, left = write_on_disk(unshare, "size=1m", tmp_path, name)
    assert message is not None, "no error"
    assert message.startswith(f"DiskFullError The disk is full: {tmp_path / name} ")
    assert "Free some space" in message
    assert left == []


def test_a_read_only_folder_says_what_to_do(unshare: str, tmp_path: Path) -> None:
    message, left = write_on_disk(unshare, "ro", tmp_path, "bytes.bin")
    assert message is not None, "no error"
    assert message.startswith(f"WriteError {tmp_path / 'bytes.bin'} cannot be written")
    assert f"Make {tmp_path} writable" in message
    assert left == []


def test_a_permission_error_elsewhere_is_left_as_it_is(tmp_path: Path) -> None:
    elsewhere = PermissionError(13, "Permission denied", "/elsewhere/picture.png")
    with pytest.raises(PermissionError), explain_write_errors(tmp_path / "a.txt"):
        raise elsewhere
    here = PermissionError(13, "Permission denied", str(tmp_path / "a.txt"))
    with pytest.raises(WriteError), explain_write_errors(tmp_path / "a.txt"):
        raise here
