"""Materials: what a project brings along, by hash, so that no exchange goes unnoticed.

Controls, learned images, the corpus, CLIP, a user's own phrases and the weights of metrics. The
analysis plan holds these hashes beside the settings. What a checkpoint is, `identify` records.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from seedwitness.config.params import load_params
from seedwitness.corpus.sources import hash_source
from seedwitness.errors import CheckpointError, PictureError
from seedwitness.imaging.image_folder import read_entries
from seedwitness.runtime.files import write_whole
from seedwitness.runtime.hashes import digest, sha256_file
from seedwitness.stages import output_path


def run() -> None:
    """Write ``data/materials/materials.json``: a SHA-256 for each of them."""
    params = load_params()
    controls, phrases = params.controls, params.recover.phrases
    classes = params.reach.classes
    wild = classes.wild if classes else None
    learned = controls.learned.folders if controls.learned else {}
    materials = {
        "controls": {
            "images": hash_folder(controls.path, "controls.path"),
            "similar_to": hash_files(controls.similar_to, "controls.similar_to"),
            "learned": {
                name: hash_folder(folder, f"controls.learned.folders.{name}")
                for name, folder in sorted(learned.items())
            },
        },
        "corpus": hash_source(params.corpus.kind, params.corpus.path),
        "descriptor": hash_files(
            [params.corpus.descriptor] if params.corpus.descriptor else [], "corpus.descriptor"
        ),
        "clip": hash_files(_clip_files(params.clip.path), "clip.path"),
        "phrases": digest(
            [
                hash_files([phrases] if phrases else [], "recover.phrases"),
                hash_files(_table_files(params.recover.tables), "recover.tables"),
                [hash_weights("caption", each.path) for each in params.recover.captioners],
            ]
        )
        if params.recover.tables or params.recover.captioners
        else hash_files([phrases] if phrases else [], "recover.phrases"),
        "wild": hash_files([wild] if wild else [], "reach.classes.wild"),
        "weights": {
            name: hash_weights(name, path) for name, path in sorted(params.score.weights.items())
        },
    }
    write_whole(output_path("materials") / "materials.json", json.dumps(materials, indent=1) + "\n")


def hash_folder(folder: Path, key: str) -> str:
    """Hash of an ImageFolder: of every image's name, caption and file.

    Raises PictureError where it is missing; ``key`` is the setting that names it.
    """
    entries = read_entries(folder, key)
    return digest(
        [[entry.file_name, entry.text, sha256_file(folder / entry.file_name)] for entry in entries]
    )


def hash_files(files: Sequence[Path], key: str) -> str:
    """Hash of files: of their names and contents, in their order.

    Raises PictureError where one is missing; ``key`` is the setting that names them.
    """
    if missing := [path for path in files if not path.is_file()]:
        raise PictureError(f"`{key}` names {missing[0]}, and there is no such file.")
    return digest([[path.name, sha256_file(path)] for path in files])


def hash_weights(metric: str, path: Path) -> str:
    """Hash of a metric's weights: of every file's name below the path, and of its content.

    Raises CheckpointError where they are missing.
    """
    if not path.exists():
        raise CheckpointError(
            f"The weights of the metric `{metric}` are missing: there is no {path}. `make lab` "
            "trains the lab's own; conf/score/published.yaml says how to fetch published ones."
        )
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    root = path if path.is_dir() else path.parent
    return digest([[file.relative_to(root).as_posix(), sha256_file(file)] for file in files])


def _table_files(folder: Path | None) -> list[Path]:
    return sorted(folder.glob("*.txt")) if folder else []


def _clip_files(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise CheckpointError(
            f"There is no CLIP in {folder}. Put it there, or name its folder as `clip.path`."
        )
    return files
