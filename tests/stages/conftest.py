"""One target and two checkpoints, identified."""

from pathlib import Path

import pytest
from laidout import lay_out

from seedwitness.stages import run_stage


@pytest.fixture
def project(tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One target and two checkpoints, identified; the working directory is there."""
    lay_out(tmp_path, tiny_checkpoint)
    monkeypatch.chdir(tmp_path)
    for name in ("own", "other"):
        run_stage("identify", [name])
    return tmp_path
