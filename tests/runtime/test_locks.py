"""Claims on a file: one holder at a time, until its process ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seedwitness.errors import SeedwitnessError
from seedwitness.runtime.locks import exclusive_claim, stage_in_progress, wait_for_stages


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_only_one_holder_has_a_claim(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.bin"
    with exclusive_claim(path) as first:
        assert first
        with exclusive_claim(path) as second:
            assert not second
        with exclusive_claim(tmp_path / "new" / "b.bin") as other:
            assert other
    with exclusive_claim(path) as again:
        assert again
    assert names(tmp_path / "new") == []


def test_a_claim_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    script = (
        "import sys, time; from pathlib import Path\n"
        "from seedwitness.runtime.locks import exclusive_claim\n"
        "with exclusive_claim(Path(sys.argv[1])) as ours:\n"
        "    print(ours, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        with exclusive_claim(path) as ours:
            assert not ours
        holder.kill()
    with exclusive_claim(path) as ours:
        assert ours
    assert names(tmp_path) == []


def test_a_stage_is_waited_for_until_it_ends_or_its_process_is_killed(tmp_path: Path) -> None:
    with (
        stage_in_progress(tmp_path),
        pytest.raises(SeedwitnessError, match=f"The process {os.getpid()} runs a stage"),
    ):
        wait_for_stages(0.05, tmp_path)
    wait_for_stages(0, tmp_path)
    script = "import sys\nfrom pathlib import Path\n"
    script += "from seedwitness.runtime.locks import stage_in_progress\n"
    script += "with stage_in_progress(Path(sys.argv[1])):\n    print(1, flush=True)\n    input()\n"
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(SeedwitnessError, match=f"The process {process.pid} "):
            wait_for_stages(0.05, tmp_path)
        process.kill()
    assert names(tmp_path) == [f"{process.pid}.lock"]
    wait_for_stages(0, tmp_path)
    assert names(tmp_path) == []
