"""A new lab from any folder of pictures: the same pipeline, with a plan that fits the folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import yaml

import seedwitness
from seedlab.planting import assign, distinct, nearest, sources
from seedlab.settings import FILE_NAME, LATENT_SIZE, SIZES, Folder, load
from seedwitness.errors import ConfigError, PictureError, WriteError
from seedwitness.runtime.files import write_whole

PIPELINE = "dvc.yaml"
MULTIPLICITIES = (8, 32, 128)
FEWEST = 120
APART: float = Folder.model_fields["apart"].default
_HEADER = """\
# A lab of one's own pictures: dvc.yaml is that of data/lab, the plan was made to fit the folder.
# Paths are seen from here. data/lab/README.md says what to do with it.
"""


def plan(able: int) -> dict[str, Any]:
    """How many pictures to plant and to hold out where ``able`` may be."""
    each = min(24, able // 30)
    return {
        "held_out": min(420, able // 3),
        "planted": dict.fromkeys(MULTIPLICITIES, each),
        "twins_each": each * 2 // 3,
    }


def new(lab: Path, pictures: Path, size: int, workers: int) -> None:
    """Write ``dvc.yaml`` and ``params.yaml`` of a lab in ``lab`` that trains on ``pictures``."""
    if lab.exists() and (not lab.is_dir() or any(lab.iterdir())):
        raise WriteError(f"{lab} is there already and not empty. Choose another directory.")
    if not pictures.is_dir():
        raise PictureError(f"{pictures} is no folder. Name one with `--pictures FOLDER`.")
    if size not in SIZES:
        raise ConfigError(f"--size {size}: pixels a side are one of {', '.join(map(str, SIZES))}.")
    package = Path(seedwitness.__file__).parent
    pattern = package.parents[1] / "data" / "lab"
    if not (pattern / PIPELINE).exists():
        raise ConfigError(
            f"{pattern / PIPELINE} is missing: a new lab is made after the one that comes with the "
            "source code. Run this in a clone of the repository, after `make setup`."
        )
    params = dict(load(pattern / FILE_NAME).sections)
    params["autoencoder"] = _for_size(params["autoencoder"], size)
    section = _section(pictures, size, workers)
    section["path"] = _seen_from(lab, pictures)
    params = {"code": _seen_from(lab, package.parent), "pictures": section, **params}
    text = _HEADER + yaml.safe_dump(params, sort_keys=False, default_flow_style=None)
    write_whole(lab / FILE_NAME, text)
    shutil.copyfile(pattern / PIPELINE, lab / PIPELINE)
    load(lab / FILE_NAME)


def _section(pictures: Path, size: int, workers: int) -> dict[str, Any]:
    """The section ``pictures`` for a folder, tried on it."""
    found, _ = distinct(sources(pictures, size, workers))
    near = nearest([source.image for source in found])
    far = [s for s, distance in zip(found, near, strict=True) if distance > APART]
    able = min(len(far), len({source.entry.text for source in far}))
    if able < FEWEST:
        raise PictureError(
            f"{pictures} is too small for a lab: {len(found)} different pictures, {len(far)} of "
            f"them unlike all others, with {able} captions. Bring at least {FEWEST}; some thousand "
            "make a good lab."
        )
    section = {"source": "folder", "path": ".", "seed": 1, "size": size, **plan(able)}
    section |= {"variants": 3, "apart": APART}
    assign(found, Folder.model_validate(section), pictures)
    return section


def _for_size(autoencoder: dict[str, Any], size: int) -> dict[str, Any]:
    """Settings of an autoencoder that leads pictures of ``size`` to latents of 16×16."""
    channels = list(autoencoder["channels"])
    wanted = (size // LATENT_SIZE).bit_length()  # one a halving, plus one
    channels = [channels[0]] * (wanted - len(channels)) + channels[-wanted:]
    return autoencoder | {"channels": channels, "crop": min(autoencoder["crop"], size // 2)}


def _seen_from(lab: Path, place: Path) -> str:
    return Path(os.path.relpath(place.resolve(), lab.resolve())).as_posix()
