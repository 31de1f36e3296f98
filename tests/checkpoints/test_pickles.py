"""Pickles of all kinds: weights are read, anything else is refused in one paragraph and not run."""

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seedwitness.checkpoints.pickles import read_pickle_shapes, read_pickled_weights
from seedwitness.errors import CheckpointError


class Hostile:
    """Touches a file when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return (Path.touch, (Path("touched"),))  # type: ignore[return-value]


class Executed:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return (exec, ("open('touched', 'w')",))


class Unknown:
    """An object of a class that no reader knows."""


def save_zip(content: Any, path: Path) -> None:
    torch.save(content, path)


def save_legacy(content: Any, path: Path) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


def save_plain(content: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(content))


@pytest.mark.parametrize("save", [save_zip, save_legacy])
def test_weights_are_read_in_both_formats(tmp_path: Path, save: Callable[..., None]) -> None:
    save({"state_dict": {"a": torch.ones(2, 3)}, "epoch": 3}, tmp_path / "w.ckpt")
    assert read_pickle_shapes(tmp_path / "w.ckpt") == {"a": (2, 3)}
    assert torch.equal(read_pickled_weights(tmp_path / "w.ckpt")["a"], torch.ones(2, 3))


@pytest.mark.parametrize(
    "content", [Hostile(), Executed(), {"a": Hostile()}, {"a": Unknown()}, "text", {}, []]
)
@pytest.mark.parametrize("save", [save_zip, save_legacy, save_plain])
def test_anything_else_is_refused_in_one_paragraph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Any, save: Callable[..., None]
) -> None:
    monkeypatch.chdir(tmp_path)
    save(content, tmp_path / "w.ckpt")
    with pytest.raises(CheckpointError, match=r"w\.ckpt") as raised:
        read_pickled_weights(tmp_path / "w.ckpt")
    message = str(raised.value)
    assert "\n" not in message
    assert "\x1b" not in message
    assert "weights_only" not in message  # torch advises to switch it off
    assert not Path("touched").exists()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x80\x02", b"GIF89a" * 99, bytes(999)])
def test_a_damaged_file_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "w.ckpt").write_bytes(data)
    with pytest.raises(CheckpointError, match=r"w\.ckpt"):
        read_pickled_weights(tmp_path / "w.ckpt")


def test_weights_that_contain_themselves_end(tmp_path: Path) -> None:
    content: dict[str, Any] = {}
    content["state_dict"] = content
    torch.save(content, tmp_path / "w.ckpt")
    with pytest.raises(CheckpointError, match="no tensors by name"):
        read_pickled_weights(tmp_path / "w.ckpt")


def test_a_pickle_hidden_behind_weights_is_found(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "w.ckpt"
    torch.save({"a": torch.ones(2)}, path)
    hidden = io.BytesIO()
    pickle.dump(Executed(), hidden)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("w/other.pkl", hidden.getvalue())
    with pytest.raises(CheckpointError, match="is dangerous"):
        read_pickled_weights(path)
    assert not Path("touched").exists()
