"""Sections of what is examined and by what: targets, checkpoints, corpus, CLIP; and their base."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    model_validator,
)

NAME_PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9_]|-(?=[a-z0-9_])){0,63}")


def _checked_name(value: str) -> str:
    if not NAME_PATTERN.fullmatch(value):
        raise ValueError(
            f"{value!r} is no name for a target or a checkpoint: use small letters, digits, "
            "underscores and single hyphens, beginning with a letter or digit"
        )
    return value


EntryName = Annotated[str, AfterValidator(_checked_name)]
Share = Annotated[float, Field(ge=0, le=1)]


def _join_pieces(value: Any) -> Any:
    """A text that is written in pieces, because Hydra would read a value into it (``${…}``)."""
    pieces = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return "".join(value) if pieces else value


PlainText = Annotated[str, BeforeValidator(_join_pieces)]


class Section(BaseModel):
    """What every section has in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TargetSettings(Section):
    """One image under examination."""

    path: Path
    caption: PlainText | None = None
    """What the user states that the prompt was."""


def require_watched(watch: Path | None, path: Path) -> None:
    """Raise ValueError where what DVC watches says nothing of ``path``: changes would go unseen.

    It is the path itself, a folder that holds it, or a lab's record (.lock) beside it or above.
    """
    if watch is not None:
        place = watch.parent if watch.suffix == ".lock" else watch
        if not path.is_relative_to(place):
            raise ValueError(
                f"watch: {watch} does not change when {path} does, so DVC would not see it; name "
                f"{path}, or a folder that holds it, as `watch`"
            )


class CheckpointSettings(Section):
    """One text-to-image checkpoint under examination."""

    family: Literal["diffusers", "single-file"]
    path: Path
    config: Path | None = None
    """Of a single file: a diffusers folder without weights that describes it."""
    dtype: Literal["float32", "float16", "bfloat16"] = "float32"
    width: PositiveInt | None = None
    height: PositiveInt | None = None
    watch: Path | None = None
    """What DVC watches for changes in its place: of a lab's weights the record, so that a stage
    that uses them does not train them. The files are hashed whatever is watched."""
    unsafe_pickle: bool = False
    """Whether weights that are no safetensors may be read, after a scan."""
    fetch: str = ""
    """The command that fetches it, for the message when it is missing."""

    @model_validator(mode="after")
    def _watched(self) -> CheckpointSettings:
        for path in (self.path, self.config):
            if path:
                require_watched(self.watch, path)
        return self

    @model_validator(mode="after")
    def _described(self) -> CheckpointSettings:
        if self.family == "single-file" and self.config is None:
            raise ValueError(
                "config: a single file needs a diffusers folder that describes it "
                "(model_index.json and the parts' configurations; no weights are read from there)"
            )
        return self


class CorpusSettings(Section):
    """An image–caption set that can be looked up: a folder by the ImageFolder convention."""

    path: Path
    source: str


class ClipSettings(Section):
    """The open_clip model that recovers prompts and looks pictures up."""

    path: Path
    watch: Path | None = None
    """As a checkpoint's."""
    batch: PositiveInt = 64

    @model_validator(mode="after")
    def _watched(self) -> ClipSettings:
        require_watched(self.watch, self.path)
        return self
