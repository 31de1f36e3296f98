"""Images, outputs and attempts of the targets of a project under Git and DVC."""

import random
from pathlib import Path

from PIL import Image

from seedwitness.config.target_pipeline import list_output_paths
from seedwitness.config.targets import load_target
from seedwitness.records.attempts import (
    LogEntry,
    Question,
    append_entry,
    name_folder,
    read_log,
)


def picture(path: Path, seed: int = 9) -> Path:
    rng = random.Random(seed)
    Image.frombytes("RGB", (16, 16), rng.randbytes(16 * 16 * 3)).save(path)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def enter_attempt(target: str, prompt: str, minute: int) -> str:
    """Enter an attempt on a target in the log, as the stage ``attempt`` does."""
    pixels = load_target(target).pixels_sha256
    question = Question(
        pixels_sha256=pixels,
        stated_prompts=[prompt],
        checkpoints={"own": "d" * 64},
        plan_sha256="c" * 64,
    )
    log, image = read_log(), name_folder(pixels)
    entry = LogEntry(
        kind="attempt",
        parents=log.heads,
        time=f"2026-01-01T00:{minute:02}:00+00:00",
        revision="",
        is_modified=False,
        target=target,
        question=question,
        counts=log.count(image, question),
    )
    return append_entry(entry, image, [Path()])


def write_outputs(target: str) -> list[Path]:
    """Write something in the place of each output of the stages of a target."""
    paths = list_output_paths(target)
    for path in paths:
        if path.suffix:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(target)
        else:
            path.mkdir(parents=True)
            (path / "file.json").write_text(target)
    return paths
