"""Artifacts of a run: files, pictures and tables, as MLflow's pages read them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from uuid import NAMESPACE_OID, uuid5

from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS, MLFLOW_LOGGED_IMAGES

from seedwitness.runtime.files import replace_whole, write_whole
from seedwitness.tracking.store import Run, TrackingStore, set_tags

if TYPE_CHECKING:
    from PIL import Image

PICTURE_KEY = "target-trial-reference"


def log_files(store: TrackingStore, run: Run, files: Mapping[str, Path]) -> None:
    """Log files as artifacts, each under its name; existing ones are overwritten.

    In a store on this machine a file is linked where the file system can, so that latents are not
    on the disk twice.
    """
    folder = _find_local_folder(run)
    for name, path in files.items():
        place = PurePosixPath(name)
        if place.name != path.name:
            raise ValueError(f"{path} cannot be published under another name than its own: {name}")
        if folder is not None:
            _link_or_copy(path, folder / name)
            continue
        artifact_folder = None if place.parent == PurePosixPath(".") else str(place.parent)
        store.client.log_artifact(run.info.run_id, str(path), artifact_folder)


def log_pictures(
    store: TrackingStore, run: Run, pictures: Iterable[tuple[int, Image.Image]]
) -> None:
    """Log pictures by step, where MLflow's pages show them: as its ``log_image`` writes them.

    The names are made from the content and the run's start, so that a picture logged again is the
    same file.
    """
    with TemporaryDirectory() as scratch:
        files: dict[str, Path] = {}
        for step, picture in pictures:
            key = uuid5(NAMESPACE_OID, sha256(picture.tobytes()).hexdigest())
            stem = f"{PICTURE_KEY}+step+{step}+timestamp+{run.info.start_time}+{key}"
            small = picture.copy()
            small.thumbnail((256, 256))
            for name, image in ((f"{stem}.png", picture), (f"{stem}+compressed.webp", small)):
                image.save(Path(scratch) / name)
                files[f"images/{name}"] = Path(scratch) / name
        if files:
            log_files(store, run, files)
            set_tags(store, run, {MLFLOW_LOGGED_IMAGES: "True"})


def _find_local_folder(run: Run) -> Path | None:
    """The folder of a run's artifacts if it is on this machine."""
    parts = urlsplit(run.info.artifact_uri)
    return Path(unquote(parts.path)) if parts.scheme in ("", "file") else None


def _link_or_copy(path: Path, artifact: Path) -> None:
    """Stages write whole and rename, so a linked file never changes under the other name."""
    with replace_whole(artifact) as part:
        try:
            os.link(path, part)
        except OSError:  # another file system, or one without links
            shutil.copyfile(path, part)


def log_text(store: TrackingStore, run: Run, name: str, text: str) -> None:
    """Log a text as an artifact."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        write_whole(path, text)
        store.client.log_artifact(run.info.run_id, str(path))


def log_table(store: TrackingStore, run: Run, name: str, table: str) -> None:
    """Log a table (JSON, orient "split") in the form that MLflow's ``load_table`` and pages read.

    MLflow's own ``log_table`` appends to an existing table, and rounds to ten decimals.
    """
    log_text(store, run, name, table)
    set_tags(store, run, {MLFLOW_LOGGED_ARTIFACTS: json.dumps([{"path": name, "type": "table"}])})
