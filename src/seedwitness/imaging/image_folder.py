"""Any folder of pictures with ``metadata.jsonl``, the ImageFolder convention of Hugging Face.

Whatever does not fit the convention is an error that names the file and the remedy.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from seedwitness.errors import PictureError

METADATA = "metadata.jsonl"
SUFFIXES = {".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}
EXAMPLE = '{"file_name": "owl.png", "text": "an owl at night, oil on canvas"}'


@dataclass(frozen=True)
class ImageEntry:
    """One line of ``metadata.jsonl``; ``artist`` is empty where the line names none."""

    file_name: str
    text: str
    artist: str


def read_entries(folder: Path) -> list[ImageEntry]:
    """Lines of ``metadata.jsonl`` by file name, checked against the files that are there."""
    path = folder / METADATA
    if not folder.is_dir():
        raise PictureError(
            f"There is no folder {folder}. Put the pictures there, or name their folder as "
            "`pictures.path` in params.yaml, seen from the lab."
        )
    if not path.is_file():
        raise PictureError(
            f"{folder} has no {METADATA}. Add one, with a line for each picture: {EXAMPLE}"
        )
    found: dict[str, ImageEntry] = {}
    first_line: dict[str, int] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        entry = _entry(f"{path}, line {number}", line)
        if entry.file_name in found:
            raise PictureError(
                f"{path}, line {number}: {entry.file_name} has a line already, number "
                f"{first_line[entry.file_name]}. Leave one line for each picture."
            )
        found[entry.file_name] = entry
        first_line[entry.file_name] = number
    if not found:
        raise PictureError(f"{path} is empty. It needs a line for each picture: {EXAMPLE}")
    absent = [name for name in found if not (folder / name).is_file()]
    if absent:
        raise PictureError(
            f"{path}, line {first_line[absent[0]]}: there is no {folder / absent[0]}"
            f"{_and_more(absent)}. Put the picture back, or remove the line."
        )
    without = sorted(name for name in _pictures_in(folder) if name not in found)
    if without:
        raise PictureError(
            f"{folder / without[0]} has no caption: {METADATA} does not name it"
            f"{_and_more(without)}. Add a line like {EXAMPLE}, or move the picture away."
        )
    return [found[name] for name in sorted(found)]


def _entry(where: str, line: bytes) -> ImageEntry:
    try:
        row: Any = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise PictureError(f"{where} is not UTF-8: {error}. Save the file as UTF-8.") from error
    except json.JSONDecodeError as error:
        raise PictureError(
            f"{where} is no JSON: {error}. A line must look like {EXAMPLE}"
        ) from error
    if not isinstance(row, dict):
        raise PictureError(f"{where} is no JSON object. A line must look like {EXAMPLE}")
    for key in ("file_name", "text"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise PictureError(f"{where} has no `{key}`. A line must look like {EXAMPLE}")
    name = PurePosixPath(row["file_name"])
    if name.is_absolute() or ".." in name.parts or "\\" in row["file_name"]:
        raise PictureError(
            f"{where}: {row['file_name']} may lie outside the folder. Name pictures by their path "
            "inside it, with /, without .. and without a leading /."
        )
    return ImageEntry(str(name), " ".join(row["text"].split()), str(row.get("artist") or ""))


def _pictures_in(folder: Path) -> Iterable[str]:
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if path.suffix.lower() in SUFFIXES and not hidden and path.is_file():
            yield inside.as_posix()


def _and_more(names: list[str]) -> str:
    return f" (nor for {len(names) - 1} more)" if len(names) > 1 else ""
