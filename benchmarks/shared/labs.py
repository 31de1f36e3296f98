"""The labs that benchmarks read, the groups of their images, and folders written from them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from benchmarks.shared.groups import IS_IN_GROUP
from seedlab.ground_truth import PictureRecord
from seedlab.lab_folder import Lab
from seedlab.pictures import PICTURE_FOLDER, restore_pictures

TILES = Path("data/pictures/dcss")
"""Tile images of a game; they are not in Git, so the second lab exists only where they are."""

LABS = [Path("data/lab"), *([Path("data/dcss")] if TILES.exists() else [])]


def images_by_group(lab: Lab) -> dict[str, list[PictureRecord]]:
    """The images of each group, in deterministic pseudo-random order: SHA-256 of the image's id."""
    return {
        group: sorted(
            (row for row in lab.rows if is_member(row)),
            key=lambda row: sha256(row.id.encode()).digest(),
        )
        for group, is_member in IS_IN_GROUP.items()
    }


def training_images(lab: Lab) -> list[PictureRecord]:
    """The images that lab-memorised was trained on."""
    return [row for row in lab.rows if row.multiplicity > 0]


def image_alias(row: PictureRecord) -> str:
    """A file name for an image that tells nothing about it: 16 hexadecimal digits."""
    return sha256(f"validation/{row.id}".encode()).hexdigest()[:16]


def write_aliased_images(lab: Lab, rows: Sequence[PictureRecord], folder: Path) -> None:
    """Write images as an ImageFolder, named and ordered by alias; replaces ``folder``."""
    restore_pictures(lab.settings, lab.path, lab.rows, 1)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    lines = []
    for row in sorted(rows, key=image_alias):
        file_name = f"{image_alias(row)}.png"
        shutil.copyfile(lab.path / PICTURE_FOLDER / row.file_name, folder / file_name)
        lines.append(json.dumps({"file_name": file_name, "text": row.caption}))
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
