"""Names of tensors in the original layout of single files, and older spellings of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")

TEXT_ENCODER = "cond_stage_model.transformer."
TEXT_MODEL = f"{TEXT_ENCODER}text_model."
PARTS_WITHOUT_TEXT_MODEL = ("embeddings.", "encoder.", "final_layer_norm.")
"""How NovelAI's files, and merges of them, continue ``TEXT_ENCODER``: a level is left out."""


def has_prefix(key: str, prefixes: Sequence[str]) -> bool:
    """Whether a key begins with one of ``prefixes``."""
    return key.startswith(tuple(prefixes))


def normalise_keys(state: Mapping[str, T]) -> dict[str, T]:
    """The entries of ``state`` with the usual names of Stable Diffusion's first release."""
    return {_normalise(key): value for key, value in state.items()}


def _normalise(key: str) -> str:
    if key.startswith(tuple(TEXT_ENCODER + part for part in PARTS_WITHOUT_TEXT_MODEL)):
        return TEXT_MODEL + key.removeprefix(TEXT_ENCODER)
    return key
