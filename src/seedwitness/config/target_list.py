"""Edits ``conf/targets.yaml``, the list of targets, and keeps its comments and order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from seedwitness.config.composition import CONF
from seedwitness.config.inputs import EntryName, TargetSettings
from seedwitness.config.reading import validate
from seedwitness.errors import ConfigError
from seedwitness.runtime.files import replace_whole

PATH = CONF / "targets.yaml"
TARGETS = "targets"
MISSING_VALUE, NEXT_LINE = "???", "\x85"


def read_target_list() -> Any:
    """Read the list in the working directory, as a ruamel document with the key ``targets``.

    Raises ConfigError if the file is missing or not valid.
    """
    from ruamel.yaml.error import YAMLError

    if not PATH.is_file():
        raise ConfigError(f"There is no {PATH} in {Path.cwd()}. Go to the root of the project.")
    try:
        document = _make_yaml().load(PATH.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{PATH} cannot be read as YAML: {error}") from error
    targets = document.get(TARGETS) if isinstance(document, dict) else None
    if isinstance(document, dict) and TARGETS in document and targets is None:
        targets = document[TARGETS] = {}  # all entries were removed
    if not isinstance(targets, dict):
        raise ConfigError(f"{PATH} must hold `targets:` with an entry for each target.")
    validate(dict[EntryName, TargetSettings], dict(targets), f"{PATH}: {TARGETS}")
    return document


def set_target(document: Any, name: str, path: Path, caption: str | None) -> None:
    """Add or update a target in ``document``; comments, order and the other entries are kept."""
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString as Quoted

    entry = document[TARGETS].get(name)
    if entry is None:
        # Quoted, because YAML reads many words as booleans, nulls or numbers.
        entry = CommentedMap(path=Quoted(path.as_posix()), caption=None)
        document[TARGETS][Quoted(name) if _is_ambiguous(name) else name] = entry
    if not Path(entry["path"]).is_file():
        entry["path"] = Quoted(path.as_posix())
    if caption is not None:
        pieces = [Quoted(piece) for piece in split_text(caption)]
        entry["caption"] = pieces[0] if len(pieces) == 1 else pieces


def write_target_list(document: Any) -> None:
    """Write the list in one step."""
    with replace_whole(PATH) as part, part.open("w", encoding="utf-8") as file:
        _make_yaml().dump(document, file)


def check_caption(caption: str) -> None:
    """Raise ConfigError for a caption that YAML cannot hold."""
    # PyYAML, which writes Hydra's result, turns this character into an ordinary line break.
    if NEXT_LINE in caption:
        raise ConfigError(
            "The caption contains the control character U+0085 (next line), which YAML does not "
            "preserve. Replace it with a line break or a space."
        )
    try:
        caption.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"The caption is not valid Unicode text ({error}). Enter it in the encoding of the "
            "terminal."
        ) from error


def split_text(text: str) -> list[str]:
    """Split ``text`` so that Hydra interprets no piece, whatever it contains.

    Hydra reads ``${…}`` as a reference and ``???`` as a missing value. It has an escape for the
    first, but reads the result a second time when DVC resolves all values.
    """
    return [text[:2], text[2:]] if text == MISSING_VALUE else re.split(r"(?<=\$)(?=\{)", text)


def _make_yaml() -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.representer import RoundTripRepresenter

    class NullRepresenter(RoundTripRepresenter):
        """Writes `caption: null`, not `caption:`; a subclass, so that other users keep theirs."""

    NullRepresenter.add_representer(
        type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    handler = YAML()
    handler.Representer = NullRepresenter
    handler.preserve_quotes = True
    handler.width = 2**20  # captions are not folded
    return handler


def _is_ambiguous(name: str) -> bool:
    """Whether YAML might read ``name`` as something other than text."""
    return not re.fullmatch(r"[a-z]+(-[a-z0-9]+)+|[a-z]{6,}", name)
