"""The folder of a lab: its paths, its settings and its ground truth."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypedDict

from seedlab import settings as lab_settings
from seedlab.ground_truth import PictureRecord, read_truth
from seedlab.pictures import (
    PICTURE_FOLDER,
    TRUTH_FILE,
    compare_with_truth,
    load_pixels,
    make_pictures,
    restore_pictures,
    write_image_folder,
)
from seedlab.settings import FolderPictures, LabSettings
from seedwitness.errors import PictureError
from seedwitness.runtime.cores import count_available_cores

if TYPE_CHECKING:
    from torch import Tensor

CHECKPOINTS = ("lab-memorised", "lab-clean")
LOG_FOLDER = "logs"
AUTOENCODER_FOLDER = "autoencoder"
ATTRIBUTES_FILE = "attributes.safetensors"
CLIP_FOLDER = "clip"
DESCRIPTOR_FOLDER = "metrics/descriptor"
DISTANCE_FOLDER = "metrics/distance"


class TrainingContext(TypedDict):
    """The arguments of every training function besides pixels and settings."""

    data_key: str
    scratch: Path
    log: Path


@dataclass(frozen=True)
class Lab:
    """A lab: its folder, its settings and the rows of its ground truth."""

    path: Path
    settings: LabSettings
    rows: list[PictureRecord]

    @property
    def name(self) -> str:
        """Name of the folder, for reports."""
        return self.path.resolve().name

    @property
    def is_printable(self) -> bool:
        """Whether reports may print the pictures: only pictures that the lab drew itself."""
        return not isinstance(self.settings.pictures, FolderPictures)

    @property
    def once_rows(self) -> list[PictureRecord]:
        """Pictures that each epoch, or the whole training, shows once."""
        return [row for row in self.rows if row.split == "once"]

    def log_path(self, name: str) -> Path:
        """Path of the log of training ``name``; logs are in Git."""
        return self.path / LOG_FOLDER / f"{name}.jsonl"

    def load_pixels(self, rows: list[PictureRecord]) -> Tensor:
        """Pixels of ``rows``, uint8 [n, 3, size, size]; makes ``pictures/`` where it is missing."""
        restore_pictures(self.settings, self.path, self.rows, count_available_cores())
        return load_pixels(self.path / PICTURE_FOLDER, rows)

    def load_or_draw(self, rows: list[PictureRecord]) -> Tensor:
        """Pixels of ``rows``, uint8 [n, 3, size, size]; draws only these without ``pictures/``."""
        if (self.path / PICTURE_FOLDER).exists():
            return load_pixels(self.path / PICTURE_FOLDER, rows)
        with TemporaryDirectory() as temporary:
            folder = Path(temporary) / PICTURE_FOLDER
            pictures = make_pictures(
                self.settings, count_available_cores(), ids={row.id for row in rows}
            )
            compare_with_truth(write_image_folder(pictures, folder), self.rows, self.path)
            return load_pixels(folder, rows)

    def training_context(
        self, name: str, data_key: str, settings: object = None
    ) -> TrainingContext:
        """Data key, state folder and log of a training on the data that ``data_key`` names."""
        key = f"{data_key}/{settings!r}"
        return {"data_key": key, "scratch": training_state_folder(), "log": self.log_path(name)}


def training_state_folder() -> Path:
    """Folder of the states from which interrupted trainings resume.

    It is outside of the working tree, so that no clean-up deletes it: ``training`` in
    ``~/.cache/seedwitness``, or in the folder that ``SEEDWITNESS_CACHE`` names. Several clones can
    share it, because a state is found by the hash of everything that decides its bytes.
    """
    cache = os.environ.get("SEEDWITNESS_CACHE", "~/.cache/seedwitness")
    return Path(cache).expanduser() / "training"


def open_lab(path: Path) -> Lab:
    """The lab in folder ``path``. Raises PictureError where its ground truth is missing."""
    settings = lab_settings.load_settings(path / lab_settings.FILE_NAME)
    if not (path / TRUTH_FILE).exists():
        raise PictureError(
            f"{path / TRUTH_FILE} is missing. Run `seedlab pictures` in {path}, or `dvc repro` "
            "for all stages."
        )
    return Lab(path, settings, read_truth(path / TRUTH_FILE))
