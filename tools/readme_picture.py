"""Write the picture of README.md: planted pictures, and generations for their captions.

    .venv/bin/python tools/readme_picture.py docs/images/comes-back.jpg

The pictures are the two planted targets of the demonstration; the seeds are 0, 1 and 2.
"""

from __future__ import annotations

import sys
from pathlib import Path

from demo_targets import choose_targets
from PIL import Image

from seedlab.lab_folder import open_lab
from seedlab.sheets import to_image
from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.config.reading import load_section
from seedwitness.engine.sampling import decode_latents
from seedwitness.engine.shard_computation import sample_recipes
from seedwitness.records.recipe import Recipe

SEEDS, GAP, WIDE_GAP = range(3), 4, 12


def generate(loaded: LoadedCheckpoint, caption: str) -> list[Image.Image]:
    """Generations of a checkpoint for a caption, one for each seed."""
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
    return [to_image(pixels) for pixels in decode_latents(loaded.pipeline, latents)]


def main(out: Path) -> None:
    """Write ``out``: a row for each picture, with its generations by both checkpoints."""
    lab = open_lab(Path("data/lab"))
    rows = [row for row in choose_targets(lab).values() if row.split == "planted"]
    names = ("lab-memorised", "lab-clean")
    both = [
        load_checkpoint(name, load_section(CheckpointSettings, "checkpoints", name))
        for name in names
    ]
    side = lab.settings.pictures.size
    width = side + len(both) * (WIDE_GAP - GAP + len(SEEDS) * (side + GAP))
    sheet = Image.new("RGB", (width, 2 * side + WIDE_GAP), "white")
    for line, (row, pixels) in enumerate(zip(rows, lab.load_or_draw(rows), strict=True)):
        x, y = 0, line * (side + WIDE_GAP)
        sheet.paste(to_image(pixels), (x, y))
        x += side
        for loaded in both:
            x += WIDE_GAP - GAP * (x > side)
            for image in generate(loaded, row.caption):
                sheet.paste(image, (x, y))
                x += side + GAP
    sheet.save(out, quality=90)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
