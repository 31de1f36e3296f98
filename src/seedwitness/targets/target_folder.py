"""A picture becomes a target: checked, named safely, its bytes copied as they are."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from seedwitness.config.inputs import EntryName
from seedwitness.config.reading import validate
from seedwitness.errors import ConfigError, PictureError
from seedwitness.imaging.image_folder import SUFFIXES
from seedwitness.runtime.files import replace_whole, sha256_file
from seedwitness.targets.target_reader import Reading, pixels, read

FOLDER = Path("data/targets")
REMEDY = "Add a whole picture instead."
MOST = 64
"""Characters of a name."""

# Formats by the ending their copy gets: that of the user's file may be missing, wrong or unsafe.
ENDINGS = {"JPEG": ".jpg", "MPO": ".jpg", "PPM": ".ppm", "TIFF": ".tiff"}
# Latin letters that Unicode does not take apart into a plain one and an accent.
_LATIN = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ħ": "h", "ı": "i"}
)


class AddedTarget(NamedTuple):
    """The target's name, its file, and what was read of it."""

    name: str
    path: Path
    reading: Reading
    new: bool
    """False where the very same file was there under this name already."""


def copy_target(
    image: Path,
    name: str | None = None,
    folder: Path = FOLDER,
    listed: Mapping[str, Path] = MappingProxyType({}),
) -> AddedTarget:
    """Copy a picture file into ``folder`` under ``name``, or a safe name made from the file's own.

    ``listed`` are targets that may lie elsewhere, by name. Raises ConfigError where the name is
    no safe one or is taken by another file, PictureError where the picture cannot be decoded or
    another target has the same pixels.
    """
    if name is not None:
        check_name(name)
    reading = read(image, name or "", REMEDY)
    sha256 = reading.target.file_sha256
    name = name or safe_name(image.stem) or f"target-{sha256[:8]}"
    others = {**in_folder(folder), **listed}
    if name in others:
        there = others[name]
        if there.is_file() and sha256_file(there) == sha256:
            return AddedTarget(name, there, _named(reading, name, there), new=False)
        raise ConfigError(
            f"There is a target {name} already, {there}, and {image} is another file. Give it a "
            "name of its own by `--name`, or take the other target away first."
        )
    for other, path in others.items():
        if other not in listed and path.samefile(image):
            continue  # laid into the folder by hand, perhaps under a name that is not safe
        if pixels(path) == reading.target.pixels_sha256:
            raise PictureError(
                f"{image} has the very pixels of the target {other}, {path}. Use that one: the "
                "same picture twice would count twice in everything that is said of all targets."
            )
    kind = reading.target.format
    path = folder / f"{name}{ENDINGS.get(kind, '.' + kind.lower())}"
    with replace_whole(path) as part:
        shutil.copyfile(image, part)
    return AddedTarget(name, path, _named(reading, name, path), new=True)


def check_name(name: str) -> None:
    """Raises ConfigError where ``name`` is no name for a target; it offers one that would do."""
    try:
        validate(EntryName, name, "--name")
    except ConfigError as error:
        offer = safe_name(name)
        raise ConfigError(f"{error} `{offer}` would do." if offer else str(error)) from None


def safe_name(text: str) -> str:
    """A name for a target made from any text: empty where no letter or digit can be kept.

    Latin letters lose their accents, letters of other scripts are dropped, whatever else is between
    letters becomes a single hyphen.
    """
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LATIN))
    bare = "".join(each for each in plain if not unicodedata.combining(each))
    kept = "".join(each for each in bare if each.isascii() or not each.isalpha())
    return re.sub(r"[^a-z0-9_]+", "-", kept).strip("-_")[:MOST].rstrip("-_")


def in_folder(folder: Path) -> dict[str, Path]:
    """The pictures that lie in a folder, by their file names without the ending."""
    if not folder.is_dir():
        return {}
    return {
        path.stem: path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in _ENDINGS and not path.name.startswith(".") and path.is_file()
    }


def _named(reading: Reading, name: str, path: Path) -> Reading:
    record = reading.target.model_copy(update={"name": name, "file_name": path.name})
    return Reading(reading.image, record)


_ENDINGS = SUFFIXES | set(ENDINGS.values())
