"""A target's image, as `prepare` wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedwitness.imaging.decoding import decode_image
from seedwitness.stages import output_path

if TYPE_CHECKING:
    from PIL import Image


def load_target_image(target: str) -> Image.Image:
    """The image of a target as `prepare` wrote it: upright RGB of 8 bits."""
    path = output_path("prepare", target) / "image.png"
    return decode_image(path, f"`dvc repro {stage_address(target, 'prepare')}` writes it.")


def stage_address(target: str, stage: str) -> str:
    """How DVC addresses a stage of a target: its own pipeline file, and the stage's name."""
    return f"data/targets/{target}/dvc.yaml:{stage}"
