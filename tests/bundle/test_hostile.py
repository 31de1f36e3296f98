"""A bundle of the other party: names, links, bombs and documents that are made to do harm."""

from __future__ import annotations

import io
import json
import os
import stat
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from benchmarks.bundle.forged_files import (
    Files,
    MemoryBundle,
    edit_json,
    seal_manifest,
    seal_with_key,
)
from bundled import call
from pyarrow.parquet import write_table

from seedwitness.bundle import safe_documents
from seedwitness.bundle.container import open_bundle
from seedwitness.bundle.foreign_text import find_name_fault
from seedwitness.bundle.layout import CRATE, SEALS
from seedwitness.bundle.verification import Trust, verify_bundle, verify_files
from seedwitness.errors import BundleError

NAMES = [
    "../evil.txt",
    "/tmp/evil.txt",
    "data/../../evil.txt",
    "C:/evil.txt",
    "data\\evil.txt",
    "data//evil.txt",
    "./evil.txt",
    "evil.txt ",
    "data./evil.txt",
    "nul.txt",
    "reports/gnp.\u202eexe",
    "reports/a\x1b[2Jb",
    "line\nbreak",
    "zero\u200bwidth",
    "e\u0301.txt",  # decomposed
    "x" * 600,
    "",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_leads_elsewhere_or_hides_is_refused(name: str, tmp_path: Path) -> None:
    assert find_name_fault(name)
    if not name:
        return
    place = tmp_path / "here"
    place.mkdir()
    path = make_zip(place / "it.zip", {"MANIFEST.sha256": b"", name: b"evil"})
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BundleError, match="was not read") as refused:
        verify_bundle(path, Trust())
    assert not any(ord(each) < 32 or each in "\u202e\u200b" for each in str(refused.value))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["data/é.png", "reports/owl/report.html", "a b/c-d_e.json"])
def test_an_honest_name_is_taken(name: str) -> None:
    assert find_name_fault(name) is None


def make_zip(path: Path, files: Files, kind: int = stat.S_IFREG) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (kind | 0o644) << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


def test_links_are_not_followed(sealed: Path, tmp_path: Path, files: Files) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    folder = tmp_path / "bundle"
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "README.md").unlink()
    (folder / "README.md").symlink_to(secret)
    with pytest.raises(BundleError, match=r"README\.md: it is a link or a device"):
        verify_bundle(folder, Trust())
    (folder / "README.md").unlink()
    (folder / "more").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(BundleError, match="more: it is a link or a device"):
        verify_bundle(folder, Trust())
    (folder / "more").unlink()
    os.mkfifo(folder / "more")  # whoever opened it would wait for ever
    with pytest.raises(BundleError, match="more: it is a link or a device"):
        verify_bundle(folder, Trust())
    archive = make_zip(tmp_path / "it.zip", {"MANIFEST.sha256": b"x"}, stat.S_IFLNK)
    with pytest.raises(BundleError, match="it is a link or a device"):
        verify_bundle(archive, Trust())


def test_a_file_that_becomes_a_link_is_not_followed(sealed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "MANIFEST.sha256").write_text("")
    bundle = open_bundle(folder)
    (folder / "MANIFEST.sha256").unlink()
    (folder / "MANIFEST.sha256").symlink_to(sealed / "README.md")
    with pytest.raises(OSError, match="symbolic"):
        bundle.open("MANIFEST.sha256")


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for names in (("MANIFEST.sha256", "a", "a"), ("MANIFEST.sha256", "a/b", "A/B")):
        path = tmp_path / "it.zip"
        with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name in names:
                archive.writestr(name, b"")
        with pytest.raises(BundleError, match="another file has the same name"):
            verify_bundle(path, Trust())


def test_bombs_do_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    path = tmp_path / "it.zip"
    make_zip(path, {"MANIFEST.sha256": b"", "zeros": bytes(50_000_000)})
    result = verify_bundle(path, Trust())
    assert result.level == "altered"  # some megabytes are read, and no more
    content = path.read_bytes()
    size = (50_000_000).to_bytes(4, "little")
    assert content.count(size)
    path.write_bytes(content.replace(size, (4_000_000_000).to_bytes(4, "little")))
    with pytest.raises(BundleError, match="more than a ZIP file of its size can hold"):
        verify_bundle(path, Trust())
    many = make_zip(tmp_path / "many.zip", {"MANIFEST.sha256": b"", "a": b"", "b": b""})
    monkeypatch.setattr("seedwitness.bundle.container.MAX_FILES", 2)
    with pytest.raises(BundleError, match="holds more than 2 files"):
        verify_bundle(many, Trust())
    assert time.monotonic() - began < 20


def test_an_encrypted_or_oddly_compressed_entry_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "it.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("MANIFEST.sha256", b"")
    with pytest.raises(BundleError, match="compressed by an unusual method"):
        verify_bundle(path, Trust())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bundle.json", b"[" * 5_000_000),
        ("bundle.json", b"{" + b'"a":{' * 500_000),
        ("bundle.json", b"1" * 1_000_000),
        ("bundle.json", json.dumps({"target": "../../etc"}).encode()),
        ("reports/owl/evidence.json", b'{"cases": ' + b"[" * 1_000_000),
        ("ro-crate-metadata.json", b"[" * 1_000_000),
        ("dvc.lock", b"a: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\n"),
        ("dvc.lock", b"!!python/object/apply:os.system ['touch /tmp/evil']\n"),
        ("data/score/owl/clean/scores.parquet", b"PAR1" + bytes(100) + b"PAR1"),
        ("data/prepare/owl/image.png", b"\x89PNG\r\n\x1a\n" + bytes(50)),
        ("data/plan/judge.json", b"{}"),
        ("data/attempts/x/y.json", b"{}"),
        ("latents", b"\xff" * 20),
        ("keys/allowed_signers", b"\x00" * 9),
        ("MANIFEST.sha256", b"\xff\xfe"),
        ("statement.dsse.json", b"{" * 100_000),
    ],
)
def test_a_hostile_document_is_a_failed_check(files: Files, name: str, content: bytes) -> None:
    """Even of a bundle that a stranger has signed: a result, in seconds, and no traceback."""
    if name == "latents":
        name = next(each for each in files if each.startswith("latents/"))
    changed = files | {name: content}
    if name not in (*SEALS, "keys/allowed_signers", "bundle.json", "dvc.lock"):
        seal_with_key(changed, None)  # or else nobody can: then the manifest does not fit it
    if name == CRATE:
        changed[name] = content
        seal_manifest(changed)
    began = time.monotonic()
    result = verify_files(MemoryBundle(changed), Trust(), "memory")
    assert result.level == "altered"
    assert time.monotonic() - began < 20
    assert not Path("/tmp/evil").exists()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("reports/owl/evidence.json", lambda value: value["cases"][0].update(checkpoint="../../x")),
        (
            "reports/owl/evidence.json",
            lambda value: value["cases"][0]["cited"][0].update(image="../../../x.png"),
        ),
        (
            "reports/owl/evidence.json",
            lambda value: value["cases"][0]["cited"][0].update(trial="../../../x"),
        ),
        (
            "reports/owl/evidence.json",
            lambda value: value["cases"][0]["agreement"]["images"].update(pixels="/tmp/x.png"),
        ),
        ("data/judge/owl/clean/finding.json", lambda value: value.update(checkpoint="../../x")),
        ("data/identify/clean/checkpoint.json", lambda value: value.update(name="../x")),
        ("data/prepare/owl/target.json", lambda value: value.update(name="../../x")),
    ],
)
def test_a_name_in_a_document_leads_nowhere(
    files: Files, tmp_path: Path, name: str, change: Callable[[object], object]
) -> None:
    """Images of a case are written below its checkpoint's name where the page is written again."""
    changed = dict(files)
    edit_json(changed, name, change)
    seal_with_key(changed, None)
    place = make_zip(tmp_path / "it.zip", changed)
    before = sorted(tmp_path.parent.rglob("*"))
    result = verify_bundle(place, Trust(), with_page=True)
    assert result.level == "altered"
    assert any("which is no name of what it is" in each.detail for each in result.checks)
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_a_table_that_fills_the_memory_is_not_read(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = io.BytesIO()
    write_table(pa.table({"x": pa.array([0] * 2_000_000)}), buffer)
    name = "data/score/owl/clean/scores.parquet"
    monkeypatch.setattr(safe_documents, "MAX_ROWS", 1_000_000)
    changed = files | {name: buffer.getvalue()}
    assert len(changed[name]) < 100_000
    with pytest.raises(BundleError, match="2,000,000 rows"):
        safe_documents.require_modest_table(MemoryBundle(changed), name)


def test_a_large_document_is_not_read(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_documents, "MAX_JSON", 1000)
    with pytest.raises(BundleError, match="1,000 are the limit"):
        safe_documents.read_json(MemoryBundle(files), "reports/owl/evidence.json")


def test_the_terminal_shows_no_control_character(files: Files, tmp_path: Path) -> None:
    changed = dict(files)

    def poison(value: dict[str, object]) -> None:
        value["not_at_hand"] = ["\x1b[2J\u202eall is well"]

    edit_json(changed, "bundle.json", poison)
    seal_with_key(changed, None)
    path = make_zip(tmp_path / "it.zip", changed)
    output = call(tmp_path, "verify", path, code=3).output
    assert "⟨U+001B⟩[2J⟨U+202E⟩all is well" in output
    assert not set(output) & {"\x1b", "\u202e"}


@pytest.mark.parametrize("change", [lambda path: path.write_bytes(b""), lambda path: None])
def test_what_is_no_bundle_is_said(change: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "it.zip"
    change(path)
    result = call(tmp_path, "verify", path, code=2)
    assert "FAILED" in result.stdout
    document = json.loads(call(tmp_path, "verify", path, "--json", code=2).stdout)
    assert document["level"] == "altered"
    assert "no bundle" in call(tmp_path, "verify", tmp_path, code=2).stdout
