"""Add a picture to the targets: check it, choose a safe name, copy its bytes unchanged."""

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
from seedwitness.imaging.image_folder import PICTURE_SUFFIXES
from seedwitness.runtime.files import replace_whole
from seedwitness.runtime.hashes import sha256_file
from seedwitness.targets.target_reader import DecodedTarget, hash_target_pixels, read_target

TARGETS_FOLDER = Path("data/targets")
REMEDY = "Add an intact picture instead."
MAX_NAME_LENGTH = 64
"""Longest name, in characters."""

# The copy's suffix by format: the suffix of the user's file may be missing, wrong or unsafe.
SUFFIX_BY_FORMAT = {"JPEG": ".jpg", "MPO": ".jpg", "PPM": ".ppm", "TIFF": ".tiff"}
# Latin letters that Unicode does not decompose into a base letter and an accent.
_LATIN = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ħ": "h", "ı": "i"}
)


class AddedTarget(NamedTuple):
    """The target's name, its file, and its decoded picture and record."""

    name: str
    path: Path
    decoded: DecodedTarget
    is_new: bool
    """False if the identical file existed already under this name."""


def copy_target(
    source: Path,
    name: str | None = None,
    folder: Path = TARGETS_FOLDER,
    configured_targets: Mapping[str, Path] = MappingProxyType({}),
) -> AddedTarget:
    """Copy the picture file ``source`` into ``folder`` under ``name``, or a name from its own.

    ``configured_targets`` are targets by name that may lie in other folders. Raises ConfigError if
    the name is unsafe or belongs to another file, PictureError if the picture cannot be decoded or
    another target has the same pixels.
    """
    if name is not None:
        check_target_name(name)
    reading = read_target(source, name or "", REMEDY)
    sha256 = reading.record.file_sha256
    name = name or make_safe_name(source.stem) or f"target-{sha256[:8]}"
    existing_targets = {**list_target_files(folder), **configured_targets}
    if name in existing_targets:
        existing_path = existing_targets[name]
        if existing_path.is_file() and sha256_file(existing_path) == sha256:
            return AddedTarget(
                name, existing_path, _rename_record(reading, name, existing_path), is_new=False
            )
        raise ConfigError(
            f"The target {name} exists already, {existing_path}, and {source} is another file. "
            "Choose another name with `--name`, or remove the existing target first."
        )
    for existing_name, path in existing_targets.items():
        if existing_name not in configured_targets and path.samefile(source):
            continue  # put into the folder by hand, perhaps under an unsafe name
        if hash_target_pixels(path) == reading.record.pixels_sha256:
            raise PictureError(
                f"{source} has the same pixels as the target {existing_name}, {path}. Use that "
                "target: the same picture twice would count twice in the statistics over all "
                "targets."
            )
    image_format = reading.record.format
    path = folder / f"{name}{SUFFIX_BY_FORMAT.get(image_format, '.' + image_format.lower())}"
    with replace_whole(path) as partial_path:
        shutil.copyfile(source, partial_path)
    return AddedTarget(name, path, _rename_record(reading, name, path), is_new=True)


def check_target_name(name: str) -> None:
    """Raise ConfigError, with a valid suggestion, if ``name`` cannot name a target."""
    try:
        validate(EntryName, name, "--name")
    except ConfigError as error:
        suggestion = make_safe_name(name)
        raise ConfigError(
            f"{error} Use `{suggestion}`, for example." if suggestion else str(error)
        ) from None


def make_safe_name(text: str) -> str:
    """Make a target's name from any text; empty if the text has no usable letter or digit.

    Latin letters lose their accents, letters of other scripts are dropped, and other characters
    between letters become a single hyphen.
    """
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_LATIN))
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    ascii_text = "".join(char for char in letters if char.isascii() or not char.isalpha())
    return re.sub(r"[^a-z0-9_]+", "-", ascii_text).strip("-_")[:MAX_NAME_LENGTH].rstrip("-_")


def list_target_files(folder: Path) -> dict[str, Path]:
    """List the pictures in a folder by file name without suffix."""
    if not folder.is_dir():
        return {}
    return {
        path.stem: path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in _PICTURE_SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
    }


def _rename_record(reading: DecodedTarget, name: str, path: Path) -> DecodedTarget:
    record = reading.record.model_copy(update={"name": name, "file_name": path.name})
    return DecodedTarget(reading.image, record)


_PICTURE_SUFFIXES = PICTURE_SUFFIXES | set(SUFFIX_BY_FORMAT.values())
