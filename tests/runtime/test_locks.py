"""Claims on a file: one holder at a time, until its process ends."""

import subprocess
import sys
from pathlib import Path

from seedwitness.runtime.locks import exclusive_claim


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
