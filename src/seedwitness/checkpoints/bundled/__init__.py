"""Configurations of families that are bundled, for single files that come without any.

They hold the architectures' public parameters; no weights. CLIP's vocabulary is the file that
open_clip brings. T5's vocabulary comes with no installed package, so families with a T5 encoder
need their folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from seedwitness.checkpoints.weights_kind import (
    STABLE_DIFFUSION_1,
    STABLE_DIFFUSION_2,
    STABLE_DIFFUSION_XL,
    name_weights_kind,
)
from seedwitness.errors import CheckpointError

if TYPE_CHECKING:
    from seedwitness.config.inputs import CheckpointSettings

FOLDER = Path(__file__).parent
V_PREDICTION_MARK = "v_pred"
"""A tensor by which fine-tunes of Stable Diffusion XL say that they predict the velocity."""
BY_KIND = {
    STABLE_DIFFUSION_1: ("stable-diffusion-1", "stable-diffusion-1-v"),
    STABLE_DIFFUSION_2: ("stable-diffusion-2-base", "stable-diffusion-2"),
    STABLE_DIFFUSION_XL: ("stable-diffusion-xl", "stable-diffusion-xl-v"),
}
"""The descriptions of a kind of file: one predicts the noise, the other the velocity."""


@dataclass(frozen=True)
class Vocabulary:
    """A vocabulary in the file of an installed package."""

    package: str
    file: str

    def path(self) -> Path:
        """Where the vocabulary is. Raises CheckpointError if the package is not installed."""
        spec = find_spec(self.package)
        if spec is None or spec.origin is None:
            raise CheckpointError(
                f"The vocabulary of CLIP comes with the package {self.package}, which is not "
                'installed: `.venv/bin/pip install "seedwitness[run]"` installs it.'
            )
        return Path(spec.origin).with_name(self.file)


CLIP_VOCABULARY = Vocabulary("open_clip", "bpe_simple_vocab_16e6.txt.gz")


def is_bundled(folder: Path) -> bool:
    """Whether a folder lies here, so that its tokenizers have no vocabulary of their own."""
    return folder.is_relative_to(FOLDER)


def find_description(settings: CheckpointSettings, shapes: Mapping[str, tuple[int, ...]]) -> Path:
    """The bundled folder that describes a file with tensors of these shapes.

    Raises CheckpointError, which says what the file is, if it is no checkpoint of a bundled family,
    or if its keys do not tell what it predicts.
    """
    kind = name_weights_kind(shapes)
    family = next((name for name in BY_KIND if kind == f"a checkpoint of {name}"), None)
    if family is None:
        raise CheckpointError(explain_kind(settings.path, kind))
    noise, velocity = BY_KIND[family]
    if family == STABLE_DIFFUSION_2:
        raise CheckpointError(
            f"{settings.path} is a checkpoint of {family}, and its keys do not say whether it "
            f"predicts the noise (2-base, 512 pixels) or the velocity (2 and 2.1, 768 pixels): set "
            f"`config` of this checkpoint to {noise} or {velocity}."
        )
    return FOLDER / (velocity if V_PREDICTION_MARK in shapes else noise)


def explain_kind(path: Path, kind: str) -> str:
    """What a file is that is no checkpoint that can be examined alone, and what to do."""
    known = ", ".join(BY_KIND)
    if not kind:
        return (
            f"{path} is no checkpoint that is known by its keys. A single file has to hold the "
            f"denoiser, the autoencoder and the text encoder of one of these: {known}. For another "
            "family name its diffusers folder, with `family: diffusers`."
        )
    if kind.startswith("a checkpoint of"):
        return (
            f"{path} is {kind}. No configuration is bundled for it, because a vocabulary that it "
            "needs comes with no installed package: name its diffusers folder, with `family: "
            f"diffusers`. Bundled are those of {known}."
        )
    return (
        f"{path} is {kind}, and not a whole checkpoint, so it makes no picture alone. Name the "
        "checkpoint that it belongs to as `path`."
    )
