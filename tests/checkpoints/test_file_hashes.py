"""Hashes of a weights file: AutoV3 survives other metadata, that of the tensors another order."""

from __future__ import annotations

import json
import struct
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from seedwitness.checkpoints import file_hashes
from seedwitness.checkpoints.file_hashes import (
    hash_autov3,
    hash_file_once,
    hash_tensors,
    shorten_to_autov2,
)
from seedwitness.errors import CheckpointError

TENSORS = {
    "b": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a": np.ones((4,), dtype=np.float16),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_file(TENSORS, tmp_path / "model.safetensors", {"made": "once"})
    return tmp_path / "model.safetensors"


def write_by_hand(path: Path, names: list[str]) -> Path:
    """A file with the tensors in the order of ``names``, by the format's own description."""
    header, body = {}, b""
    for name in names:
        data = TENSORS[name].tobytes()
        kind = {"float32": "F32", "float16": "F16"}[str(TENSORS[name].dtype)]
        place = [len(body), len(body) + len(data)]
        header[name] = {
            "dtype": kind,
            "shape": list(TENSORS[name].shape),
            "data_offsets": place,
        }
        body += data
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


def test_autov3_is_that_of_the_values_and_survives_metadata(path: Path, tmp_path: Path) -> None:
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    assert hash_autov3(path) == sha256(content[8 + length :]).hexdigest()[:12]
    save_file(TENSORS, tmp_path / "other.safetensors", {"made": "twice, with more to say"})
    assert (tmp_path / "other.safetensors").read_bytes() != content
    assert hash_autov3(tmp_path / "other.safetensors") == hash_autov3(path)


def test_the_tensors_hash_survives_another_order(path: Path, tmp_path: Path) -> None:
    there, back = (
        write_by_hand(tmp_path / f"{'-'.join(names)}.safetensors", names)
        for names in (["a", "b"], ["b", "a"])
    )
    assert load_file(there).keys() == load_file(back).keys()
    assert hash_autov3(there) != hash_autov3(back)
    assert hash_tensors(there) == hash_tensors(back) == hash_tensors(path)


@pytest.mark.parametrize("change", ["value", "name", "type", "shape"])
def test_the_tensors_hash_sees_each_change(path: Path, tmp_path: Path, change: str) -> None:
    tensors = dict(TENSORS)
    if change == "value":
        tensors["b"] = tensors["b"] + np.float32(1e-7)
    elif change == "name":
        tensors["c"] = tensors.pop("b")
    elif change == "type":
        tensors["b"] = tensors["b"].view(np.int32)
    else:
        tensors["b"] = tensors["b"].reshape(3, 2)
    save_file(tensors, tmp_path / "other.safetensors")
    assert hash_tensors(tmp_path / "other.safetensors") != hash_tensors(path)


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 100, b"\x02\0\0\0\0\0\0\0[]", b"\x09" + b"\0" * 20]
)
def test_what_is_no_safetensors_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    for function in (hash_autov3, hash_tensors):
        with pytest.raises(CheckpointError, match="no complete safetensors file"):
            function(path)


def test_a_file_that_is_cut_off_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(CheckpointError, match="ends within a tensor"):
        hash_tensors(path)


def test_autov2_are_the_first_ten_digits() -> None:
    assert shorten_to_autov2("0123456789abcdef") == "0123456789"


def test_a_file_is_read_once_in_a_run(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "hashes"
    shared.mkdir()
    monkeypatch.setenv(file_hashes.RUN_VARIABLE, str(shared))
    monkeypatch.setattr(file_hashes, "_hashes", {})
    expected = sha256(path.read_bytes()).hexdigest()
    assert hash_file_once(path) == expected
    assert list(shared.iterdir()) == []  # it has just been written
    monkeypatch.setattr(file_hashes, "SETTLED", -1.0)
    assert hash_file_once(path) == expected
    (kept,) = shared.iterdir()
    monkeypatch.setattr(file_hashes, "_hashes", {})  # as in the process of another stage
    kept.write_text("0" * 64)
    assert hash_file_once(path) == "0" * 64
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert hash_file_once(path) == sha256(path.read_bytes()).hexdigest()
