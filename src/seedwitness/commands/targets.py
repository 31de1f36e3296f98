"""``seedwitness add``, ``remove`` and ``rename``: the targets of a project, under Git and DVC.

The image of a target is an output of DVC, so that it travels with `dvc push` and `dvc pull`; what
is known of it is a small file for Git.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedwitness.config.composition import compose_params, require_no_edits
from seedwitness.config.reading import validate
from seedwitness.config.target_pipeline import list_output_paths
from seedwitness.config.targets import (
    FOLDER,
    ProvenanceSettings,
    TargetSettings,
    image_path,
    list_targets,
    load_target,
    write_target,
)
from seedwitness.errors import ConfigError
from seedwitness.imaging.image_folder import PICTURE_SUFFIXES
from seedwitness.records.attempts import name_folder, read_log
from seedwitness.records.case_sheet import NAME as SHEET
from seedwitness.runtime.files import remove
from seedwitness.targets.target_folder import AddedTarget, add_picture, check_target_name


@dataclass(frozen=True)
class Removal:
    """A removed target: how many attempts on it stay in the log, and what else stays."""

    name: str
    attempts: int


def add_targets(
    images: Sequence[Path],
    name: str | None = None,
    caption: str | None = None,
    provenance: ProvenanceSettings | None = None,
) -> list[AddedTarget]:
    """Add image files, or all images of folders, to the project in the working directory.

    All images have the same ``provenance``: a book or a web page can show many.

    Raises ConfigError or PictureError if an image cannot be a target; those before it are added.
    """
    require_no_edits()
    files = list(_list_images(images))
    if len(files) > 1 and (name, caption) != (None, None):
        raise ConfigError(
            f"{len(files)} images are named, and a name or a caption is for one. Add it alone."
        )
    added: list[AddedTarget] = []
    with _open_dvc() as repository:
        try:
            for file in files:
                added.append(add_picture(file, name, caption, provenance))
        finally:
            if added:
                repository.add([str(target.path) for target in added])
            compose_params()
    return added


def read_provenance(dated: str | None, source: str | None) -> ProvenanceSettings | None:
    """A dated source as the user states it; None without one.

    Raises ConfigError for a day without a source or the reverse, and for what is no day.
    """
    if dated is None and source is None:
        return None
    if not dated or not source:
        raise ConfigError(
            "--dated and --source belong together: the day, and what shows that the image existed "
            'then, such as --dated 2019-05-01 --source "its first printing".'
        )
    return validate(ProvenanceSettings, {"date": dated, "source": source}, "--dated")


def remove_target(name: str) -> Removal:
    """Take a target out of the project, with its results; the log of attempts keeps it.

    The removal is entered in the log for every image that stays, so that their reports count it.
    """
    require_no_edits()
    target = load_target(name)
    others = {key: each for key, each in list_targets().items() if key != name}
    attempts = _log_removal(name, target, others.values())
    _remove_with_outputs(name)
    compose_params()
    return Removal(name, attempts)


def rename_target(old: str, new: str) -> Path:
    """Give a target another name: its folder moves, and its stages run again, from the caches."""
    require_no_edits()
    check_target_name(new)
    target = load_target(old)
    if new in list_targets():
        raise ConfigError(f"There is a target {new} already. Choose another name.")
    renamed = target.model_copy(update={"image": f"{new}{Path(target.image).suffix}"})
    source = image_path(old, target)
    path = image_path(new, renamed)
    if not source.is_file():
        raise ConfigError(f"{source} is missing: `dvc checkout {source}.dvc` brings it back.")
    with _open_dvc() as repository:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
        sheet = source.with_name(SHEET)
        if sheet.is_file():
            shutil.copyfile(sheet, path.with_name(SHEET))
        write_target(new, renamed)
        _remove_with_outputs(old)
        repository.add([str(path)])
    compose_params()
    return path


def _remove_with_outputs(name: str) -> None:
    """Remove what the stages of a target wrote, and its folder; no empty folder stays."""
    for path in list_output_paths(name):
        remove(path)
        for folder in path.parents:
            if name in folder.parts and folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
    remove(FOLDER / name)


def _list_images(paths: Sequence[Path]) -> Iterator[Path]:
    """The named files, and the pictures of the named folders in the order of their names."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        files = sorted(
            file
            for file in path.iterdir()
            if file.suffix.lower() in PICTURE_SUFFIXES and not file.name.startswith(".")
        )
        if not files:
            raise ConfigError(
                f"{path} holds no image: {', '.join(sorted(PICTURE_SUFFIXES))} are read."
            )
        yield from files


@contextmanager
def _open_dvc() -> Iterator[Any]:
    """Give the project of DVC; what is added to it is kept as by `dvc add`."""
    from dvc.exceptions import DvcException, NotDvcRepoError
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.ERROR)  # its hints are about Git
    try:
        with Repo() as repository:
            yield repository
    except NotDvcRepoError as error:
        raise ConfigError(
            f"DVC, which keeps the images, has no project in {Path.cwd()}: `git init` and "
            "`dvc init` begin a project."
        ) from error
    except DvcException as error:
        raise ConfigError(f"DVC cannot keep the images: {error}.") from error


def _log_removal(name: str, target: TargetSettings, others: Collection[TargetSettings]) -> int:
    """Enter the removal for its image and all that stay; gives the attempts on the removed one."""
    log = read_log()
    own = name_folder(target.pixels_sha256)
    images = [own, *(name_folder(each.pixels_sha256) for each in others)]
    known = set(log.images.values())
    for image in images:
        if image in known:
            counts = log.count(image, listed=[each.pixels_sha256 for each in others])
            log.enter("removal", image, name, None, counts)
    return log.count(own).attempts_on_image
