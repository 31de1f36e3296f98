"""A folder of pictures as the input of a lab, and the command line of the lab."""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from typer.testing import CliRunner

from seedlab.cli import app

COUNT = 24
PARAMS = """\
code: .
pictures:
  source: folder
  path: ../art
  seed: 1
  size: 32
  held_out: 4
  planted: {4: 2, 8: 2}
  twins_each: 1
"""


def make_blocks(seed: int, side: int = 32) -> Image.Image:
    """A picture of random blocks, so that thumbnails of different seeds differ too."""
    cells = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    return Image.fromarray(cells, "RGB").resize((side, side), Image.Resampling.NEAREST)


def write_metadata(folder: Path, lines: list[dict[str, str]]) -> None:
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "metadata.jsonl").write_text(text)


def read_metadata(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]


def run_seedlab(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stderr
