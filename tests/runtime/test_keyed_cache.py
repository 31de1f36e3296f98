"""Cached results by key: what a key stands for, who uses it, and what pruning removes."""

from pathlib import Path

from seedwitness.runtime.keyed_cache import (
    describe_key,
    list_entries,
    record_use,
    remove_entries,
)


def fill(root: Path) -> None:
    for key, size in (("aaaa", 10), ("bbbb", 20), ("scans/cccc", 30)):
        describe_key(root / key, {"code_sha256": key, "device": "cpu"})
        (root / key / "part.safetensors").write_bytes(b"0" * size)
    record_use(root, "search/owl/own", ["aaaa"])
    record_use(root, "scan/owl/own", ["aaaa", "scans/cccc"])


def test_entries_say_what_they_are_and_who_uses_them(tmp_path: Path) -> None:
    fill(tmp_path)
    entries = {entry.key: entry for entry in list_entries(tmp_path)}
    assert set(entries) == {"aaaa", "bbbb", "scans/cccc"}
    assert entries["aaaa"].users == ("scan/owl/own", "search/owl/own")
    assert entries["bbbb"].users == ()
    assert entries["scans/cccc"].description["code_sha256"] == "scans/cccc"
    assert entries["bbbb"].files == 1
    assert entries["bbbb"].bytes > 20  # the description counts too


def test_the_newest_run_of_a_user_counts(tmp_path: Path) -> None:
    fill(tmp_path)
    record_use(tmp_path, "search/owl/own", ["bbbb"])
    entries = {entry.key: entry for entry in list_entries(tmp_path)}
    assert entries["aaaa"].users == ("scan/owl/own",)
    assert entries["bbbb"].users == ("search/owl/own",)


def test_the_use_of_a_result_that_is_gone_does_not_count(tmp_path: Path) -> None:
    fill(tmp_path)
    entries = list_entries(tmp_path, is_current=lambda user: user.startswith("search"))
    users = {entry.key: entry.users for entry in entries}
    assert users == {"aaaa": ("search/owl/own",), "bbbb": (), "scans/cccc": ()}


def test_what_is_removed_is_gone_and_the_rest_stays(tmp_path: Path) -> None:
    fill(tmp_path)
    entries = list_entries(tmp_path)
    remove_entries(tmp_path, [entry for entry in entries if not entry.users])
    assert {entry.key for entry in list_entries(tmp_path)} == {"aaaa", "scans/cccc"}
    assert not (tmp_path / "bbbb").exists()
    assert not list(tmp_path.glob(".*removed"))


def test_a_description_is_written_once(tmp_path: Path) -> None:
    describe_key(tmp_path / "aaaa", {"device": "cpu"})
    before = (tmp_path / "aaaa/key.json").stat().st_mtime_ns
    describe_key(tmp_path / "aaaa", {"device": "cpu"})
    assert (tmp_path / "aaaa/key.json").stat().st_mtime_ns == before


def test_an_empty_cache_has_no_entries(tmp_path: Path) -> None:
    assert list_entries(tmp_path / "none") == []
