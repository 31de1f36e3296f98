"""Writes the picture of README.md: planted pictures, and what checkpoints make of their captions.

    .venv/bin/python tools/readme_picture.py docs/images/comes-back.jpg

The pictures are the two planted ones that the demonstration examines; seeds are 0, 1 and 2.
"""

from __future__ import annotations

import sys
from pathlib import Path

from demo_targets import chosen
from PIL import Image

from seedlab.home import opened
from seedlab.sheets import picture
from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.config.reading import load_section
from seedwitness.engine.executor import sample_recipes
from seedwitness.engine.sampling import decode_latents
from seedwitness.records.recipe import Recipe

SEEDS, GAP, WIDE = range(3), 4, 12


def made(loaded: LoadedCheckpoint, caption: str) -> list[Image.Image]:
    """What a checkpoint makes of a caption, a picture a seed."""
    recipes = [
        Recipe(
            prompt=caption,
            seed=seed,
            width=loaded.checkpoint.width,
            height=loaded.checkpoint.height,
            sampler="ddim",
            steps=20,
            guidance=3.0,
        )
        for seed in SEEDS
    ]
    latents, _ = sample_recipes(loaded, recipes)
    return [picture(pixels) for pixels in decode_latents(loaded.pipeline, latents)]


def main(out: Path) -> None:
    """Draw the two pictures, ask both checkpoints, and lay all out in two rows."""
    lab = opened(Path("data/lab"))
    rows = [row for row in chosen(lab).values() if row.split == "planted"]
    names = ("lab-memorised", "lab-clean")
    both = [
        load_checkpoint(name, load_section(CheckpointSettings, "checkpoints", name))
        for name in names
    ]
    side = lab.settings.pictures.size
    width = side + len(both) * (WIDE - GAP + len(SEEDS) * (side + GAP))
    sheet = Image.new("RGB", (width, 2 * side + WIDE), "white")
    for line, (row, pixels) in enumerate(zip(rows, lab.few(rows), strict=True)):
        x, y = 0, line * (side + WIDE)
        sheet.paste(picture(pixels), (x, y))
        x += side
        for loaded in both:
            x += WIDE - GAP * (x > side)
            for image in made(loaded, row.caption):
                sheet.paste(image, (x, y))
                x += side + GAP
    sheet.save(out, quality=90)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
