"""A lab's directory: where everything lies in it, its settings and its truth."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypedDict

from seedlab import settings as lab_settings
from seedlab import truth
from seedlab.pictures import FOLDER, TRUTH, compare, data_key, load, restore, world, write_folder
from seedlab.settings import Drawn, Settings
from seedlab.truth import Picture
from seedwitness.errors import PictureError
from seedwitness.runtime.cores import available_cores

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import CLIPTokenizer

CHECKPOINTS = ("lab-memorised", "lab-clean")
LOGS = "logs"
AUTOENCODER = "autoencoder"
CLIP = "clip"
DESCRIPTOR = "metrics/descriptor"
DISTANCE = "metrics/distance"


class TrainingPlace(TypedDict):
    """What every ``train`` takes besides pictures and settings."""

    data_key: str
    scratch: Path
    log: Path


@dataclass(frozen=True)
class Lab:
    """A lab's directory, its settings and its truth."""

    path: Path
    settings: Settings
    rows: list[Picture]

    def log(self, name: str) -> Path:
        """The log of a training; kept in git."""
        return self.path / LOGS / f"{name}.jsonl"

    def pictures(self, rows: list[Picture]) -> Tensor:
        """Pixels of ``rows``, uint8 [n, 3, size, size]; ``pictures/`` is made again if missing."""
        restore(self.settings, self.path, self.rows, available_cores())
        return load(self.path / FOLDER, rows)

    def tokenizer(self) -> CLIPTokenizer:
        """The tokenizer of everything trained here: so the checkpoints' texts differ in nothing."""
        from seedlab.words import train_tokenizer

        return train_tokenizer(row.caption for row in self.common)

    def training(self, name: str, settings: object = None) -> TrainingPlace:
        """Key of the data where only ``common`` is seen, and places for state and log."""
        key = f"{data_key(self.common)}/{settings!r}"
        return {"data_key": key, "scratch": scratch(), "log": self.log(name)}

    @property
    def name(self) -> str:
        """The directory's own name, for reports."""
        return self.path.resolve().name

    @property
    def showable(self) -> bool:
        """Whether reports may print the pictures: those drawn here, not somebody's folder."""
        return isinstance(self.settings.pictures, Drawn)

    def few(self, rows: list[Picture]) -> Tensor:
        """Pixels of a few ``rows``; drawn alone where ``pictures/`` is not there."""
        if (self.path / FOLDER).exists():
            return load(self.path / FOLDER, rows)
        with TemporaryDirectory() as folder:
            made = world(self.settings, available_cores(), ids={row.id for row in rows})
            compare(write_folder(made, Path(folder) / FOLDER), self.rows, self.path)
            return load(Path(folder) / FOLDER, rows)

    @property
    def common(self) -> list[Picture]:
        """Pictures seen once: all that is trained but the checkpoints learns from these alone."""
        return [row for row in self.rows if row.split == "once"]


def scratch() -> Path:
    """Where states of trainings wait to be taken up: outside the tree, so no clean-up loses them.

    ``SEEDWITNESS_CACHE`` names another place than ``~/.cache/seedwitness``. A state is found by the
    hash of its data and settings, so several clones can share the place.
    """
    cache = os.environ.get("SEEDWITNESS_CACHE", "~/.cache/seedwitness")
    return Path(cache).expanduser() / "training"


def opened(path: Path) -> Lab:
    """The lab in ``path``; its truth must be there."""
    settings = lab_settings.load(path / lab_settings.FILE_NAME)
    if not (path / TRUTH).exists():
        raise PictureError(
            f"{path / TRUTH} is missing. Run `seedlab pictures` in {path}, or `dvc repro` "
            "for all stages."
        )
    return Lab(path, settings, truth.read(path / TRUTH))
