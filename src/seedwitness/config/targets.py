"""The targets of a project: ``data/targets/TARGET/`` holds the image of one and ``target.yaml``.

Every target has a folder of its own, and nothing lists them all, so that two people who add
different targets change no file in common.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, Field

from seedwitness.config.inputs import NAME_PATTERN, EntryName, Section
from seedwitness.config.reading import suggest_names, validate
from seedwitness.errors import ConfigError
from seedwitness.runtime.files import write_whole

FOLDER = Path("data/targets")
NAME = "target.yaml"
NEXT_LINE = "\x85"
HEADER = """\
# A target, written by `seedwitness add`. caption: what somebody states that the prompt of the image
# was, or null. provenance: null, or a dated source that shows the image, such as
# {date: "2019-05-01", source: "its first printing"}.
"""


def _check_unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"it is not valid Unicode text ({error}); enter it in the encoding of the terminal"
        ) from error
    return text


Caption = Annotated[str, AfterValidator(_check_unicode)]


def _check_date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise ValueError(f"{text!r} is no date; write it as 2019-05-01, in quotes") from error


Day = Annotated[str, AfterValidator(_check_date)]
"""A day by ISO 8601; as text, because YAML reads and writes dates differently in its versions."""


class ProvenanceSettings(Section):
    """Where an image was before, as somebody states it: no part of it is checked."""

    date: Day
    """The day from which the source is."""
    source: Caption
    """What shows that the image existed then, such as a publication or a deposit."""


class TargetSettings(Section):
    """One image under examination."""

    image: str = Field(min_length=1)
    """The name of its file, in the target's folder."""
    pixels_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of its pixels as upright RGB: another image would be another target."""
    caption: Caption | None = None
    """The prompt of the image as the user states it."""
    provenance: ProvenanceSettings | None = None
    """A dated source that shows the image, as the user states it."""


def list_targets(root: Path = Path()) -> dict[str, TargetSettings]:
    """Read all targets of the project in ``root``, in the order of their names.

    Raises ConfigError if a file is not valid, or two targets are the same image.
    """
    folders = sorted(path.parent for path in (root / FOLDER).glob(f"*/{NAME}"))
    targets = {
        validate(EntryName, folder.name, str(folder)): _read(folder / NAME) for folder in folders
    }
    names: dict[str, str] = {}
    for name, target in targets.items():
        other = names.setdefault(target.pixels_sha256, name)
        if other != name:
            raise ConfigError(
                f"The targets {other} and {name} are the same image, which would count twice in "
                f"the statistics over all targets. Remove one: `seedwitness remove {name}`."
            )
    return targets


def load_target(name: str, root: Path = Path()) -> TargetSettings:
    """Read one target. Raises ConfigError, with the known names, if there is none of this name."""
    path = root / FOLDER / name / NAME
    if not NAME_PATTERN.fullmatch(name) or not path.is_file():
        known = suggest_names(name, list_targets(root))
        raise ConfigError(f"There is no target `{name}`.{known}")
    return _read(path)


def image_path(name: str, target: TargetSettings) -> Path:
    """The file of a target's image, seen from the project's root."""
    return FOLDER / name / target.image


def explain_restore(path: Path) -> str:
    """How the image that was added is brought back to ``path``.

    Both commands are needed: `dvc repro` writes the hash of a changed file into its ``.dvc`` file.
    """
    return (
        f"Move the file away, then `git checkout HEAD -- {path}.dvc` and `dvc checkout {path}.dvc` "
        "bring back the image that was added."
    )


def write_target(name: str, target: TargetSettings, root: Path = Path()) -> None:
    """Write ``target.yaml``, which reads back as ``target``, whatever the caption."""
    # PyYAML writes U+0085 (next line) as a line break unless it escapes everything but ASCII.
    is_unicode = NEXT_LINE not in (target.caption or "")
    text = yaml.safe_dump(
        target.model_dump(), allow_unicode=is_unicode, sort_keys=False, width=2**20
    )
    write_whole(root / FOLDER / name / NAME, HEADER + text)


def _read(path: Path) -> TargetSettings:
    try:
        content: Any = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        message = " ".join(str(error).split())
        raise ConfigError(f"{path} cannot be read as YAML: {message}") from error
    return validate(TargetSettings, content, str(path))
