"""Any folder of pictures with ``metadata.jsonl``, the ImageFolder convention of Hugging Face.

Every picture becomes RGB of one square size, whatever its mode and size; whatever does not fit the
convention is an error that names the file and the remedy.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from seedwitness.errors import PictureError

METADATA = "metadata.jsonl"
SUFFIXES = {".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}
EXAMPLE = '{"file_name": "owl.png", "text": "an owl at night, oil on canvas"}'
WHITE = (255, 255, 255)

# What Pillow raises for a picture that is cut off, forged or of no known format.
_UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
)


@dataclass(frozen=True)
class Entry:
    """One line of ``metadata.jsonl``; ``artist`` is empty where the line names none."""

    file_name: str
    text: str
    artist: str


def entries(folder: Path) -> list[Entry]:
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
    found: dict[str, Entry] = {}
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


class Square(NamedTuple):
    """A picture of the folder as square RGB; ``plain`` where all of it has a single colour."""

    image: Image.Image
    plain: bool


def squares(folder: Path, names: Iterable[str], size: int, workers: int) -> list[Square]:
    """The named pictures as RGB of ``size`` pixels a side, in the order of the names."""

    def attempt(name: str) -> Square | PictureError:
        try:
            image = decoded(folder / name)
            return Square(squared(image, size), image.getcolors(1) is not None)
        except PictureError as error:
            return error

    with ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(attempt, names))
    refused = [each for each in results if isinstance(each, PictureError)]
    if refused:
        more = f" {len(refused)} pictures cannot be used, this is the first." * (len(refused) > 1)
        raise PictureError(f"{refused[0]}{more}") from refused[0].__cause__
    return [each for each in results if isinstance(each, Square)]


def decoded(path: Path) -> Image.Image:
    """A picture file as upright 8-bit RGB: transparency over white, the first frame of several."""
    remedy = "Put a whole picture in its place, or remove it together with its line in " + METADATA
    if path.stat().st_size == 0:
        raise PictureError(f"{path} is empty: 0 bytes. {remedy}.")
    try:
        with Image.open(path) as image:
            image.load()
            return _rgb(ImageOps.exif_transpose(image))
    except _UNREADABLE as error:
        raise PictureError(f"{path} cannot be read as a picture: {error}. {remedy}.") from error


def squared(image: Image.Image, size: int) -> Image.Image:
    """RGB image fitted into ``size`` pixels a side, padded with white.

    Pictures of at most half the size keep their pixels, each as a block of whole pixels (pixel art
    stays crisp); all others are resampled by Lanczos.
    """
    longest = max(image.size)
    if longest * 2 <= size:
        whole = size // longest
        fitted = image.resize((image.width * whole, image.height * whole), Image.Resampling.NEAREST)
    else:
        width, height = (max(1, round(side * size / longest)) for side in image.size)
        fitted = image.resize((width, height), Image.Resampling.LANCZOS)
    if fitted.size == (size, size):
        return fitted
    sheet = Image.new("RGB", (size, size), WHITE)
    sheet.paste(fitted, ((size - fitted.width) // 2, (size - fitted.height) // 2))
    return sheet


def _entry(where: str, line: bytes) -> Entry:
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
    return Entry(str(name), " ".join(row["text"].split()), str(row.get("artist") or ""))


def _pictures_in(folder: Path) -> Iterable[str]:
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if path.suffix.lower() in SUFFIXES and not hidden and path.is_file():
            yield inside.as_posix()


def _and_more(names: list[str]) -> str:
    return f" (nor for {len(names) - 1} more)" if len(names) > 1 else ""


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        return Image.fromarray(_eight_bits(np.asarray(image)), "L").convert("RGB")
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers of no known range")
    if image.has_transparency_data:
        sheet = Image.new("RGBA", image.size, (*WHITE, 255))
        sheet.alpha_composite(image.convert("RGBA"))
        return sheet.convert("RGB")
    return image.convert("RGB")


def _eight_bits(levels: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Grey levels of 16 bits (Pillow also keeps them in 32) as the nearest of 8 bits."""
    if levels.min() < 0 or levels.max() > 0xFFFF:
        raise ValueError("its grey levels do not fit into 16 bits")
    return ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)
