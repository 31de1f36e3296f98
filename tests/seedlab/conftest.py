"""A folder of pictures, and the folder of a lab of it."""

from pathlib import Path

import pytest
from artfolder import COUNT, PLAN, describe, noise


@pytest.fixture
def art(tmp_path: Path) -> Path:
    """A folder of different pictures, the first eight with four captions between them."""
    folder = tmp_path / "art"
    folder.mkdir()
    described = []
    for number in range(COUNT):
        name = f"{number:02d}.png"
        noise(number).save(folder / name)
        subject = number // 2 if number < 8 else number
        described.append({"file_name": name, "text": f"blocks {subject}, noise, grid"})
    describe(folder, described)
    return folder


@pytest.fixture
def lab(art: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "params.yaml").write_text(PLAN)
    return folder
