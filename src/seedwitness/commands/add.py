"""``seedwitness add``: copies an image, lists it as a target, and composes params.yaml."""

from __future__ import annotations

from pathlib import Path

from seedwitness.config.composition import compose_params, require_no_edits
from seedwitness.config.target_list import (
    TARGETS,
    check_caption,
    read_target_list,
    set_target,
    write_target_list,
)
from seedwitness.targets.target_folder import AddedTarget, copy_target


def add_target(image: Path, name: str | None = None, caption: str | None = None) -> AddedTarget:
    """Add an image to the project in the working directory.

    Adding the same image under the same name again is allowed: it sets the caption, if one is
    given, and completes an interrupted addition. Raises ConfigError or PictureError if the image
    cannot be a target.
    """
    if caption is not None:
        check_caption(caption)
    require_no_edits()
    document = read_target_list()
    paths = {key: Path(entry["path"]) for key, entry in document[TARGETS].items()}
    # A target whose file is missing cannot be a duplicate of another image, and may be restored.
    existing = {key: path for key, path in paths.items() if path.is_file()}
    target = copy_target(image, name, configured_targets=existing)
    set_target(document, target.name, target.path, caption)
    write_target_list(document)
    compose_params()
    return target
