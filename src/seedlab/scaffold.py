"""Create a lab from any folder of pictures: the common pipeline, and settings that suit it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import yaml

import seedwitness
from seedlab.planting import assign_splits, drop_duplicates, nearest_distances, read_sources
from seedlab.settings import FILE_NAME, LATENT_SIZE, SIZES, FolderPictures, load_settings
from seedwitness.errors import ConfigError, PictureError, WriteError
from seedwitness.runtime.files import write_whole

PIPELINE_FILE = "dvc.yaml"
MULTIPLICITIES = (8, 32, 128)
MIN_PICTURES = 120
MIN_DISTANCE: float = FolderPictures.model_fields["min_distance"].default
_HEADER = """\
# A lab of a folder of pictures: dvc.yaml is a copy of that of data/lab, and the numbers of planted
# and held-out pictures suit the folder. Paths are relative to this file. See data/lab/README.md.
"""


def choose_counts(eligible: int) -> dict[str, Any]:
    """Numbers of pictures to plant and to hold out, where ``eligible`` pictures can be either."""
    planted = min(24, eligible // 30)
    return {
        "held_out": min(420, eligible // 3),
        "planted": dict.fromkeys(MULTIPLICITIES, planted),
        "twins_each": planted * 2 // 3,
    }


def create_lab(lab: Path, pictures: Path, size: int, workers: int) -> None:
    """Write ``dvc.yaml`` and ``params.yaml`` of a new lab in folder ``lab``.

    It trains on the folder ``pictures``, at ``size`` pixels a side. Raises WriteError where ``lab``
    is not empty, PictureError where the pictures cannot be used or are too few, and ConfigError
    for an unknown size or an installation without the lab that serves as the template.
    """
    if lab.exists() and (not lab.is_dir() or any(lab.iterdir())):
        raise WriteError(f"{lab} exists and is not empty. Choose another directory.")
    if not pictures.is_dir():
        raise PictureError(f"{pictures} is not a folder. Name one with `--pictures FOLDER`.")
    if size not in SIZES:
        sizes = ", ".join(map(str, SIZES))
        raise ConfigError(
            f"--size {size} is not supported. Supported sizes in pixels are: {sizes}."
        )
    package = Path(seedwitness.__file__).parent
    template = package.parents[1] / "data" / "lab"
    if not (template / PIPELINE_FILE).exists():
        raise ConfigError(
            f"{template / PIPELINE_FILE} is missing: a new lab is copied from the one that comes "
            "with the source code. Run this in a clone of the repository, after `make setup`."
        )
    params = dict(load_settings(template / FILE_NAME).sections)
    params["autoencoder"] = _adapt_autoencoder(params["autoencoder"], size)
    section = _make_section(pictures, size, workers)
    section["path"] = _relative_path(lab, pictures)
    params = {"code": _relative_path(lab, package.parent), "pictures": section, **params}
    text = _HEADER + yaml.safe_dump(params, sort_keys=False, default_flow_style=None)
    write_whole(lab / FILE_NAME, text)
    shutil.copyfile(template / PIPELINE_FILE, lab / PIPELINE_FILE)
    load_settings(lab / FILE_NAME)


def _make_section(pictures: Path, size: int, workers: int) -> dict[str, Any]:
    """The section ``pictures`` of params.yaml, checked by planning the folder with it."""
    sources, _ = drop_duplicates(read_sources(pictures, size, workers))
    distances = nearest_distances([source.image for source in sources])
    distant = [
        source
        for source, distance in zip(sources, distances, strict=True)
        if distance > MIN_DISTANCE
    ]
    eligible = min(len(distant), len({source.entry.text for source in distant}))
    if eligible < MIN_PICTURES:
        raise PictureError(
            f"{pictures} is too small for a lab. It has {len(sources)} different pictures; "
            f"{len(distant)} of them have no near copy, with {eligible} captions. Add pictures: at "
            f"least {MIN_PICTURES} without a near copy are necessary, and some thousand make a "
            "good lab."
        )
    section = {"source": "folder", "path": ".", "seed": 1, "size": size, **choose_counts(eligible)}
    section |= {"variants": 3, "min_distance": MIN_DISTANCE}
    assign_splits(sources, FolderPictures.model_validate(section), pictures)
    return section


def _adapt_autoencoder(autoencoder: dict[str, Any], size: int) -> dict[str, Any]:
    """Settings of an autoencoder that encodes pictures of ``size`` as latents of 16×16."""
    channels = list(autoencoder["channels"])
    levels = (size // LATENT_SIZE).bit_length()  # one a halving, plus one
    channels = [channels[0]] * (levels - len(channels)) + channels[-levels:]
    return autoencoder | {"channels": channels, "crop": min(autoencoder["crop"], size // 2)}


def _relative_path(start: Path, path: Path) -> str:
    return Path(os.path.relpath(path.resolve(), start.resolve())).as_posix()
