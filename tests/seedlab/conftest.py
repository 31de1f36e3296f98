"""A folder of pictures, and a lab on this folder."""

from pathlib import Path

import pytest
from picture_folder import COUNT, PARAMS, make_blocks, write_metadata


@pytest.fixture
def art(tmp_path: Path) -> Path:
    """A folder of different pictures; the first eight share four captions in pairs."""
    folder = tmp_path / "art"
    folder.mkdir()
    entries = []
    for number in range(COUNT):
        name = f"{number:02d}.png"
        make_blocks(number).save(folder / name)
        subject = number // 2 if number < 8 else number
        entries.append({"file_name": name, "text": f"blocks {subject}, noise, grid"})
    write_metadata(folder, entries)
    return folder


@pytest.fixture
def lab(art: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "params.yaml").write_text(PARAMS)
    return folder
