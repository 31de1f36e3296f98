"""Materials: what a project brings along, by hash, so that nobody exchanges it without a trace.

Controls, pictures known to be learned, the corpus, CLIP, a user's own phrases, and the weights of
metrics: `protocol` holds these hashes beside the settings. What a checkpoint is, `identify` says.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from seedwitness.config.params import load_params
from seedwitness.errors import CheckpointError, PictureError
from seedwitness.imaging.image_folder import read_entries
from seedwitness.records.recipe import digest
from seedwitness.runtime.files import sha256_file, write_whole
from seedwitness.stages import output_path


def run() -> None:
    """Write ``data/materials/materials.json``: a SHA-256 for each of them."""
    params = load_params()
    known = params.controls.learned.folders if params.controls.learned else {}
    phrases = params.recover.phrases
    found = {
        "controls": of_pictures(params.controls.path, "controls.path"),
        "like": of_files(params.controls.similar_to, "controls.similar_to"),
        "known": {
            name: of_pictures(folder, f"controls.learned.folders.{name}")
            for name, folder in sorted(known.items())
        },
        "corpus": of_pictures(params.corpus.path, "corpus.path"),
        "clip": of_files(_files(params.clip.path), "clip.path"),
        "phrases": of_files([phrases] if phrases else [], "recover.phrases"),
        "weights": {
            name: sha256_file(output_path("weights", name) / "weights.json")
            for name in sorted(params.score.weights)
        },
    }
    write_whole(output_path("materials") / "materials.json", json.dumps(found, indent=1) + "\n")


def of_pictures(folder: Path, key: str) -> str:
    """Hash of an ImageFolder: of every picture's name, caption and file.

    Raises PictureError where it is missing; ``key`` is the setting that names it.
    """
    if not folder.is_dir():
        raise PictureError(
            f"There is no folder {folder}. Put pictures and metadata.jsonl there, or name their "
            f"folder as `{key}`."
        )
    listed = read_entries(folder)
    return digest(
        [[each.file_name, each.text, sha256_file(folder / each.file_name)] for each in listed]
    )


def of_files(files: Sequence[Path], key: str) -> str:
    """Hash of files: of their names and contents, in their order.

    Raises PictureError where one is missing; ``key`` is the setting that names them.
    """
    if absent := [each for each in files if not each.is_file()]:
        raise PictureError(f"`{key}` names {absent[0]}, and there is no such file.")
    return digest([[each.name, sha256_file(each)] for each in files])


def _files(folder: Path) -> list[Path]:
    found = sorted(each for each in folder.rglob("*") if each.is_file())
    if not found:
        raise CheckpointError(
            f"There is no CLIP in {folder}. Put it there, or name its folder as `clip.path`."
        )
    return found
