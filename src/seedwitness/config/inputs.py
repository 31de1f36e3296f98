"""Sections of the inputs: checkpoints, corpus, CLIP; and the base class of sections."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    model_validator,
)

NAME_PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9_]|-(?=[a-z0-9_])){0,63}")


def _check_name(value: str) -> str:
    if not NAME_PATTERN.fullmatch(value):
        raise ValueError(
            f"{value!r} is not valid as the name of a target or a checkpoint: use small letters, "
            "digits, underscores and single hyphens, beginning with a letter or digit"
        )
    return value


DESCRIPTIONS = (
    *("stable-diffusion-1", "stable-diffusion-1-v", "stable-diffusion-2"),
    *("stable-diffusion-2-base", "stable-diffusion-xl", "stable-diffusion-xl-v"),
)
"""Names of the bundled descriptions of single files."""
AMBIGUOUS_DESCRIPTIONS = ("stable-diffusion-2", "stable-diffusion-2-base", "stable-diffusion-1-v")
"""Those that the keys of a file do not tell, so that its settings have to name them."""

EntryName = Annotated[str, AfterValidator(_check_name)]
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """The base class of all sections."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def require_watched(watch: Path | None, path: Path) -> None:
    """Raise ValueError if DVC would not see a change of ``path`` in ``watch``.

    ``watch`` has to be the path itself, a folder that holds it, or a lock file of the lab (.lock)
    in such a folder.
    """
    if watch is not None:
        folder = watch.parent if watch.suffix == ".lock" else watch
        if not path.is_relative_to(folder):
            raise ValueError(
                f"watch: {watch} does not change when {path} does, so DVC would not see it; name "
                f"{path}, or a folder that holds it, as `watch`"
            )


class CheckpointSettings(Section):
    """One text-to-image checkpoint under examination."""

    family: Literal["diffusers", "single-file"]
    path: Path
    config: Path | None = None
    """For a single file: a diffusers folder without weights that describes it, or one of
    ``DESCRIPTIONS``; without it the bundled description of its family, which its keys tell."""
    dtype: Literal["float32", "float16", "bfloat16"] = "float32"
    width: PositiveInt | None = None
    height: PositiveInt | None = None
    watch: Path | None = None
    """The path that DVC watches for changes instead: for weights of the lab its lock file, so that
    a stage that uses them does not train them. The files are hashed in any case."""
    unsafe_pickle: bool = False
    """Whether weights in other formats than safetensors may be read, after a scan."""
    fetch: str = ""
    """The command that downloads the checkpoint, for the message if it is missing."""

    @model_validator(mode="after")
    def _check_watch(self) -> CheckpointSettings:
        for path in (self.path, self.config):
            if path and str(path) not in DESCRIPTIONS:
                require_watched(self.watch, path)
        return self


class IvfSettings(Section):
    """IVF-PQ, the index of a corpus that is too large for an exact one."""

    lists: PositiveInt | None = None
    """Cells of the coarse quantiser; by default about the square root of the number of rows."""
    code_bytes: PositiveInt = 64
    """Bytes of a row's code: two sub-quantisers of four bits in each."""
    probes: PositiveInt = 32
    """Cells that a query searches."""
    rescored: PositiveInt = 500
    """Candidates that are scored again by their vectors."""
    iterations: PositiveInt = 8
    """Iterations of k-means when the coarse quantiser is trained."""


CorpusKind = Literal["clip-retrieval", "embeddings", "image-folder", "parquet", "webdataset"]


class CorpusSettings(Section):
    """The corpus for lookups: where it is, and how it is indexed."""

    path: Path
    source: str
    kind: CorpusKind = "image-folder"
    descriptor: Path | None = None
    """A copy-detection descriptor (TorchScript) that is computed of every picture; without it,
    copies that are crops are not found."""
    exact_rows: PositiveInt = 1_000_000
    """Rows up to which the index is exact."""
    ivf: IvfSettings = IvfSettings()


class ClipSettings(Section):
    """The open_clip model that recovers prompts and searches the corpus."""

    path: Path
    watch: Path | None = None
    """As in ``CheckpointSettings``."""
    batch: PositiveInt = 64

    @model_validator(mode="after")
    def _check_watch(self) -> ClipSettings:
        require_watched(self.watch, self.path)
        return self
