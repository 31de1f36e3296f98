"""An ImageFolder of drawn pictures, as the input of a corpus."""

import json
from pathlib import Path

import faiss
import numpy as np
from PIL import Image

from seedlab.drawing.picture import draw_picture
from seedlab.drawing.plan import plan_sketches
from seedwitness.corpus import ImageHashes
from seedwitness.imaging import perceptual_fingerprint
from seedwitness.imaging.decoding import decode_image
from seedwitness.metrics import phash

PLAN = plan_sketches(1, themes=9, once=9, held_out=0, planted={}, twins_each=0)
SIZES = [(64, 64), (64, 48), (40, 64), (300, 280)]
UNUSUAL_TEXTS = ["<b onclick=\"x()\">owl</b> & 'cat'", "owl, " * 2000, "a \\ b \u0000 ☃ 日本"]
COPIES = 3  # of the first picture; their names sort last


def write_corpus(folder: Path) -> Path:
    """Write an ImageFolder: nine drawn pictures of four sizes, two more copies of the first."""
    folder.mkdir()
    lines = []
    for number, sketch in enumerate(PLAN):
        size = SIZES[number % len(SIZES)]
        image = draw_picture(sketch.theme, sketch.seed, 64).resize(size, Image.Resampling.NEAREST)
        image.save(folder / f"{number}.png")
        text = UNUSUAL_TEXTS[number] if number < len(UNUSUAL_TEXTS) else sketch.wordings[0]
        lines.append({"file_name": f"{number}.png", "text": text})
    for copy in range(1, COPIES):
        decode_image(folder / "0.png").save(folder / f"x{copy}.webp", lossless=True)
        lines.append({"file_name": f"x{copy}.webp", "text": f"copy {copy}"})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "metadata.jsonl").write_text(text)
    return folder


def compute_fingerprint(image: Image.Image) -> ImageHashes:
    mirrored = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return ImageHashes(
        phash.hash_image(image),
        perceptual_fingerprint.fingerprint_image(image),
        phash.hash_image(mirrored),
        perceptual_fingerprint.fingerprint_image(mirrored).pdq,
    )


def read_vectors(vectors: faiss.IndexFlatIP) -> np.ndarray:
    """Every vector of an index, [rows, width]."""
    return vectors.reconstruct_n(0, vectors.ntotal)
