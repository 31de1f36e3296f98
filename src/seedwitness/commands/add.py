"""An image becomes a target: copied, listed in ``conf/targets.yaml``, composed into params.yaml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from seedwitness.config.composition import CONF, compose_params
from seedwitness.config.inputs import EntryName, TargetSettings
from seedwitness.config.reading import validate
from seedwitness.errors import ConfigError
from seedwitness.runtime.files import replace_whole
from seedwitness.targets.target_folder import AddedTarget
from seedwitness.targets.target_folder import copy_target as copy

LIST = CONF / "targets.yaml"
TARGETS = "targets"
NO_VALUE, NEXT_LINE = "???", "\x85"


def add_target(image: Path, name: str | None = None, caption: str | None = None) -> AddedTarget:
    """Add an image to the project in the working directory.

    The same image under the same name again is no error: its caption is set where one is given,
    and what was cut short is finished. Raises ConfigError or PictureError where it cannot be one.
    """
    if caption is not None:
        _check(caption)
    document = _read()
    listed = {key: Path(entry["path"]) for key, entry in document[TARGETS].items()}
    # A target whose file is not there can be no other picture's double, and may be put back.
    there = {key: path for key, path in listed.items() if path.is_file()}
    added = copy(image, name, configured_targets=there)
    _enter(document, added.name, added.path, caption)
    _write(document)
    compose_params()
    return added


def pieces(text: str) -> list[str]:
    """``text`` cut so that no piece means anything to Hydra, whatever is in it.

    Hydra reads ``${…}`` as another value and ``???`` as a missing one. It has an escape for the
    first, but reads the result a second time when DVC has it resolve all values.
    """
    return [text[:2], text[2:]] if text == NO_VALUE else re.split(r"(?<=\$)(?=\{)", text)


def _check(caption: str) -> None:
    # PyYAML, by which Hydra's result is written, makes an ordinary line break of it.
    if NEXT_LINE in caption:
        raise ConfigError(
            "The caption holds the control character U+0085 (next line), which does not survive "
            "in YAML. Put a line break or a space in its place."
        )
    try:
        caption.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"The caption is no Unicode text ({error}). Give it in the terminal's own encoding."
        ) from error


def _enter(document: Any, name: str, path: Path, caption: str | None) -> None:
    """Put the target into ``document``; comments, order and the other entries stay."""
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString as Quoted

    entry = document[TARGETS].get(name)
    if entry is None:
        # Quoted, because YAML has more words for truth, nothing and numbers than one remembers.
        entry = CommentedMap(path=Quoted(path.as_posix()), caption=None)
        document[TARGETS][Quoted(name) if _ambiguous(name) else name] = entry
    if not Path(entry["path"]).is_file():
        entry["path"] = Quoted(path.as_posix())
    if caption is not None:
        parts = [Quoted(part) for part in pieces(caption)]
        entry["caption"] = parts[0] if len(parts) == 1 else parts


def _write(document: Any) -> None:
    with replace_whole(LIST) as part, part.open("w", encoding="utf-8") as file:
        _yaml().dump(document, file)


def _read() -> Any:
    from ruamel.yaml.error import YAMLError

    if not LIST.is_file():
        raise ConfigError(f"There is no {LIST} in {Path.cwd()}. Go to the root of the project.")
    try:
        document = _yaml().load(LIST.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{LIST} cannot be read as YAML: {error}") from error
    targets = document.get(TARGETS) if isinstance(document, dict) else None
    if isinstance(document, dict) and TARGETS in document and targets is None:
        targets = document[TARGETS] = {}  # all entries were taken out
    if not isinstance(targets, dict):
        raise ConfigError(f"{LIST} must hold `targets:` with an entry for each target.")
    validate(dict[EntryName, TargetSettings], dict(targets), f"{LIST}: {TARGETS}")
    return document


def _yaml() -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.representer import RoundTripRepresenter

    class Plain(RoundTripRepresenter):
        """Writes `caption: null`, not `caption:`; other users of ruamel keep their own."""

    Plain.add_representer(
        type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    handler = YAML()
    handler.Representer = Plain
    handler.preserve_quotes = True
    handler.width = 2**20  # no caption is folded
    return handler


def _ambiguous(name: str) -> bool:
    return not re.fullmatch(r"[a-z]+(-[a-z0-9]+)+|[a-z]{6,}", name)
