"""Add a picture to the targets: check it, choose a safe name, copy its bytes unchanged."""

from __future__ import annotations

import re
import shutil
import unicodedata
from pathlib import Path
from typing import NamedTuple

from seedwitness.config.inputs import EntryName
from seedwitness.config.reading import validate
from seedwitness.config.targets import (
    Caption,
    ProvenanceSettings,
    TargetSettings,
    image_path,
    list_targets,
    write_target,
)
from seedwitness.errors import ConfigError, PictureError
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.files import replace_whole
from seedwitness.runtime.hashes import sha256_file
from seedwitness.targets.target_reader import read_target

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
    """The target's name, its file, and its settings."""

    name: str
    path: Path
    settings: TargetSettings
    is_new: bool
    """False if the identical file existed already under this name."""


def add_picture(
    source: Path,
    name: str | None = None,
    caption: str | None = None,
    provenance: ProvenanceSettings | None = None,
) -> AddedTarget:
    """Copy the picture file ``source`` into a target's folder, under ``name`` or one from its own.

    The same file again is no error: it sets caption and provenance, if they are given. Raises
    ConfigError if the name is unsafe or belongs to another file, or the caption is not valid
    Unicode; PictureError if the picture cannot be decoded or another target has the same pixels.
    """
    if name is not None:
        check_target_name(name)
    if caption is not None:
        validate(Caption, caption, "--caption")
    record = read_target(source, name or "", REMEDY).record
    name = name or make_safe_name(source.stem) or f"target-{record.file_sha256[:8]}"
    targets = list_targets()
    if name in targets:
        return _add_again(source, name, targets[name], record, caption, provenance)
    for existing, target in targets.items():
        if target.pixels_sha256 == record.pixels_sha256:
            raise PictureError(
                f"{source} has the same pixels as the target {existing}. Use that target: the same "
                "picture twice would count twice in the statistics over all targets."
            )
    suffix = SUFFIX_BY_FORMAT.get(record.format, f".{record.format.lower()}")
    target = TargetSettings(
        image=f"{name}{suffix}",
        pixels_sha256=record.pixels_sha256,
        caption=caption,
        provenance=provenance,
    )
    with replace_whole(image_path(name, target)) as partial_path:
        shutil.copyfile(source, partial_path)
    write_target(name, target)  # a folder without this file is no target yet
    return AddedTarget(name, image_path(name, target), target, is_new=True)


def _add_again(
    source: Path,
    name: str,
    target: TargetSettings,
    record: TargetRecord,
    caption: str | None,
    provenance: ProvenanceSettings | None,
) -> AddedTarget:
    """A picture under the name of an existing target: the same file, which may be missing there."""
    path = image_path(name, target)
    is_same = record.pixels_sha256 == target.pixels_sha256
    if is_same and path.is_file():
        is_same = sha256_file(path) == record.file_sha256
    if not is_same:
        raise ConfigError(
            f"The target {name} exists already, and {source} is another file. Choose another name "
            f"with `--name`, or remove the existing target: `seedwitness remove {name}`."
        )
    if not path.is_file():
        with replace_whole(path) as partial_path:
            shutil.copyfile(source, partial_path)
    stated = {"caption": caption, "provenance": provenance}
    if given := {key: value for key, value in stated.items() if value is not None}:
        target = target.model_copy(update=given)
        write_target(name, target)
    return AddedTarget(name, path, target, is_new=False)


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
