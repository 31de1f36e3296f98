"""A recipient with an empty folder, and neither the package nor trust in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from benchmarks.bundle.forged_files import Files, edit_json, find_evidence
from bundled import TARGET, call
from time_stamping import make_authority, serve

SYSTEM = {"PATH": os.defpath + ":/usr/local/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}
PROGRAMS = ("sha256sum", "ssh-keygen", "openssl", "python3", "bash")
needs_programs = pytest.mark.skipif(
    any(shutil.which(name, path=SYSTEM["PATH"]) is None for name in PROGRAMS),
    reason=f"one of {', '.join(PROGRAMS)} is not on the system's path",
)


def read_commands(folder: Path) -> list[str]:
    """The commands of the README that need no package."""
    readme = (folder / "README.md").read_text("utf-8")
    found = re.search(r"^```sh\n(sha256sum.*?)^```", readme, re.M | re.S)
    assert found
    return found[1].splitlines()


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """As a recipient types it: by the system's programs, where nothing of ours is on the path."""
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=SYSTEM, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def received(project: Path, key: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed and stamped bundle, unpacked from its ZIP file into an empty folder."""
    folder = tmp_path_factory.mktemp("recipient")
    authority = make_authority(folder / "authority", "Time, Ltd")
    with serve(authority) as url:
        stamp = ("--stamp-url", url, "--authority", authority.root)
        call(project, "bundle", TARGET, "--key", key, *stamp, "--out", folder / "owl.zip")
    with zipfile.ZipFile(folder / "owl.zip") as archive:
        archive.extractall(folder / "empty")
    return folder / "empty"


@needs_programs
def test_the_commands_of_the_readme_work(received: Path) -> None:
    commands = read_commands(received)
    outputs = []
    for command in commands:
        ended = run(command, received)
        assert ended.returncode == 0, (command, ended.stdout, ended.stderr)
        outputs.append(ended.stdout + ended.stderr)
    said = "\n".join(outputs)
    for expected in (
        "All lines PASS.",
        'Good "seedwitness-bundle" signature for signer',
        "Signature Verified Successfully",
        "Verification: OK",
    ):
        assert expected in said
    assert len(commands) == 7
    fingerprint = re.search(r"^    (SHA256:\S+)$", (received / "README.md").read_text(), re.M)
    assert fingerprint
    assert said.count(fingerprint[1]) == 2


@needs_programs
def test_the_commands_find_an_altered_file(received: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(received, tmp_path / "altered")
    with (folder / "reports/owl/evidence.json").open("a") as file:
        file.write(" ")
    codes = [run(command, folder).returncode for command in read_commands(folder)]
    assert codes == [1, 1, 0, 0, 0, 0, 0]
    shutil.copy(received / "reports/owl/evidence.json", folder / "reports/owl/evidence.json")
    with (folder / "MANIFEST.sha256").open("a") as file:
        file.write(f"{'0' * 64}  nothing\n")
    codes = [run(command, folder).returncode for command in read_commands(folder)]
    assert [bool(code) for code in codes] == [True, True, True, False, False, False, True]


def test_the_stamp_is_verified(received: Path, tmp_path: Path) -> None:
    result = json.loads(call(tmp_path, "verify", received, "--json").stdout)
    checks = {each["name"]: each for each in result["checks"]}
    assert checks["time stamp"]["state"] == "ok"
    assert "Time" in checks["time stamp"]["detail"]
    other = make_authority(tmp_path / "other", "Other")
    output = call(tmp_path, "verify", received, "--authority", other.root, code=1).stdout
    assert re.search(r"^FAILED +time stamp", output, re.M)


def check_figures(folder: Path) -> tuple[int, list[str]]:
    ended = subprocess.run(
        [sys.executable, "-I", "check.py"], cwd=folder, capture_output=True, text=True
    )
    assert ended.stderr == ""
    return ended.returncode, [line for line in ended.stdout.splitlines() if line.startswith("FAIL")]


@pytest.mark.parametrize(
    ("place", "value", "named"),
    [
        (("rank", "p"), 0.005, "memorised: p:"),
        (("rank", "p_family"), 0.02, "memorised: p for all cases"),
        (("rank", "controls"), 100, "memorised: controls as close, of all"),
        (("copies", "rate", "hits"), 15, "memorised: copies of trials"),
        (("copies", "ranked"), 15, "memorised: copies that p rests on"),
        (("copies", "rate", "low"), 0.8, "memorised: interval from"),
        (("copies", "reference_rate", "hits"), 1, "memorised, reference: copies of trials"),
        (("copies", "reference_rate", "high"), 0.1, "memorised, reference: interval to"),
        (("gain", "rank", "at_least_as_close"), 1, "memorised: controls that gain as much, of all"),
        (("gain", "rank", "p_family"), 0.02, "memorised: p of the gain for all cases"),
        (("statistic", "value"), 0.99, "memorised: closest score:descriptor"),
    ],
)
def test_check_py_finds_each_figure(
    files: Files, tmp_path: Path, place: tuple[str, ...], value: float, named: str
) -> None:
    changed = dict(files)

    def change(document: dict[str, object]) -> None:
        holder = document["cases"][0]["memorised"]  # type: ignore[index]
        for step in place[:-1]:
            holder = holder[step]
        assert holder[place[-1]] != value
        holder[place[-1]] = value

    edit_json(changed, find_evidence(changed), change)
    for name in ("check.py", "bundle.json", "MANIFEST.sha256", find_evidence(changed)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(changed[name])
    (tmp_path / "tables").mkdir()
    for name in ("trials", "controls"):
        (tmp_path / f"tables/{name}.csv").write_bytes(changed[f"tables/{name}.csv"])
    code, failed = check_figures(tmp_path)
    assert code == 1
    assert len(failed) == 2  # beside the files that are not here
    assert named in failed[1]


def test_check_py_is_short_and_needs_nothing(sealed: Path) -> None:
    text = (sealed / "check.py").read_text("utf-8")
    imported = re.findall(r"^(?:import|from) (\w+)", text, re.M)
    assert set(imported) <= sys.stdlib_module_names
    assert len(text.splitlines()) <= 140
    assert check_figures(sealed) == (0, [])
