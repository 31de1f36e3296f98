"""Targets of a test's project, as `seedwitness add` writes them but without DVC."""

from pathlib import Path

from PIL import Image

from seedwitness.config.targets import TargetSettings, image_path, write_target
from seedwitness.imaging.decoding import hash_pixels


def write_image(root: Path, name: str, image: Image.Image, caption: str | None = None) -> Path:
    """Write the image as the target ``name``; gives its file."""
    settings = TargetSettings(
        image=f"{name}.png", pixels_sha256=hash_pixels(image.convert("RGB")), caption=caption
    )
    path = root / image_path(name, settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    write_target(name, settings, root)
    return path
