"""Read a folder of pictures with ``metadata.jsonl``, the ImageFolder convention of Hugging Face.

A folder that violates the convention raises an error that names the file and the remedy.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from seedwitness.errors import PictureError

METADATA_FILE = "metadata.jsonl"
PICTURE_SUFFIXES = {
    ".avif",
    ".bmp",
    ".gif",
    ".heic",
    ".heif",
    ".jpeg",
    ".jpg",
    ".jxl",
    ".png",
    ".ppm",
    ".tif",
    ".tiff",
    ".webp",
}
EXAMPLE_LINE = '{"file_name": "owl.png", "text": "an owl at night, oil on canvas"}'


@dataclass(frozen=True)
class ImageEntry:
    """One line of ``metadata.jsonl``; ``artist`` is empty if the line names none."""

    file_name: str
    text: str
    artist: str


def read_entries(folder: Path, setting: str) -> list[ImageEntry]:
    """Read the lines of ``metadata.jsonl``, sorted by file name, checked against the folder.

    Raises PictureError if the folder, its metadata or a picture is missing, or a line is invalid.
    ``setting`` is the name of the setting that holds the folder's path.
    """
    path = folder / METADATA_FILE
    if not folder.is_dir():
        raise PictureError(
            f"There is no folder {folder}. Put the pictures and their {METADATA_FILE} there, or "
            f"set `{setting}` to their folder."
        )
    if not path.is_file():
        raise PictureError(
            f"{folder} has no {METADATA_FILE}. Add one with a line for each picture: {EXAMPLE_LINE}"
        )
    entries: dict[str, ImageEntry] = {}
    first_line: dict[str, int] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        entry = _parse_entry(f"{path}, line {number}", line)
        if entry.file_name in entries:
            raise PictureError(
                f"{path}, line {number}: {entry.file_name} is listed already in line "
                f"{first_line[entry.file_name]}. Keep one line for each picture."
            )
        entries[entry.file_name] = entry
        first_line[entry.file_name] = number
    if not entries:
        raise PictureError(f"{path} is empty. It needs a line for each picture: {EXAMPLE_LINE}")
    missing = [name for name in entries if not (folder / name).is_file()]
    if missing:
        raise PictureError(
            f"{path}, line {first_line[missing[0]]}: there is no {folder / missing[0]}"
            f"{_format_remaining_count(missing)}. Restore the picture, or remove the line."
        )
    unlisted = sorted(name for name in _list_pictures(folder) if name not in entries)
    if unlisted:
        raise PictureError(
            f"{folder / unlisted[0]} has no caption: {METADATA_FILE} does not name it"
            f"{_format_remaining_count(unlisted)}. Add a line like {EXAMPLE_LINE}, or remove the "
            "picture."
        )
    return [entries[name] for name in sorted(entries)]


def _parse_entry(where: str, line: bytes) -> ImageEntry:
    try:
        row: Any = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise PictureError(f"{where} is not UTF-8: {error}. Save the file as UTF-8.") from error
    except json.JSONDecodeError as error:
        raise PictureError(
            f"{where} is not JSON: {error}. A line must look like {EXAMPLE_LINE}"
        ) from error
    if not isinstance(row, dict):
        raise PictureError(f"{where} is not a JSON object. A line must look like {EXAMPLE_LINE}")
    for key in ("file_name", "text"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise PictureError(f"{where} has no `{key}`. A line must look like {EXAMPLE_LINE}")
    name = PurePosixPath(row["file_name"])
    if name.is_absolute() or ".." in name.parts or "\\" in row["file_name"]:
        raise PictureError(
            f"{where}: {row['file_name']} may lie outside the folder. Name pictures by their path "
            "inside the folder, with /, without .. and without a leading /."
        )
    return ImageEntry(str(name), " ".join(row["text"].split()), str(row.get("artist") or ""))


def _list_pictures(folder: Path) -> Iterable[str]:
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if path.suffix.lower() in PICTURE_SUFFIXES and not hidden and path.is_file():
            yield inside.as_posix()


def _format_remaining_count(names: list[str]) -> str:
    return f" (nor for {len(names) - 1} more)" if len(names) > 1 else ""
