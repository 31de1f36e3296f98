"""A folder of pictures of somebody's own, as a lab takes it, and the lab's command line."""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from typer.testing import CliRunner

from seedlab.cli import app

COUNT = 24
PLAN = """\
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


def noise(seed: int, side: int = 32) -> Image.Image:
    """A picture unlike all others, in blocks, so that a thumbnail keeps it so."""
    cells = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    return Image.fromarray(cells, "RGB").resize((side, side), Image.Resampling.NEAREST)


def describe(folder: Path, lines: list[dict[str, str]]) -> None:
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "metadata.jsonl").write_text(text)


def lines(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]


def run(*arguments: str | Path) -> tuple[int, str]:
    ended = CliRunner().invoke(app, [*map(str, arguments)])
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    return ended.exit_code, ended.stderr
