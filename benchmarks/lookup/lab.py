"""Measures the lookup in the lab: variants of pictures of the corpus, and pictures that it lacks.

python -m benchmarks.lookup.lab --scratch DIR [--pictures 200]
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from benchmarks.shared.measurement import print_figures
from benchmarks.shared.rates import rate_figures
from seedwitness.config.params import load_params
from seedwitness.corpus import Embedder
from seedwitness.corpus.embeddings import embed_pictures
from seedwitness.corpus.hash_table import CopyLimits
from seedwitness.corpus.image_hashes import hash_corpus_image, hash_query, load_describer
from seedwitness.corpus.index import CorpusIndex, load_index
from seedwitness.corpus.index_builder import build_index
from seedwitness.corpus.lookup import Hit, look_up
from seedwitness.imaging.decoding import decode_image
from seedwitness.imaging.image_folder import read_entries
from seedwitness.metrics import clip_score

CROPPED_AREA = 0.8
JPEG_QUALITY = 50


def save_jpeg(image: Image.Image) -> Image.Image:
    """Save as JPEG of quality 50."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return Image.open(buffer).convert("RGB")


def crop(image: Image.Image, corner: bool = False) -> Image.Image:
    """Cut out 80 % of the area: about the middle, or from the upper left corner."""
    width, height = (round(side * CROPPED_AREA**0.5) for side in image.size)
    left = 0 if corner else (image.width - width) // 2
    top = 0 if corner else (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def halve(image: Image.Image) -> Image.Image:
    """Halve both sides."""
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.BICUBIC)


VARIANTS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "PNG": lambda image: image,
    "JPEG 50": save_jpeg,
    "crop 80 %": crop,
    "crop 80 %, corner": partial(crop, corner=True),
    "mirrored": ImageOps.mirror,
    "halved": halve,
}


def measure(scratch: Path, limit: int | None) -> dict[str, Any]:
    """Draw the lab's pictures, index those of the corpus, and look up variants and others."""
    for folder, splits in (("seen", ("once", "planted")), ("others", ("held_out",))):
        chosen = [part for split in splits for part in ("--split", split)]
        command = [sys.executable, "-c", "from seedlab.cli import app; app()", "draw", *chosen]
        subprocess.run([*command, "--out", str(scratch / folder)], check=True, stdout=sys.stderr)
    planted = scratch / "planted"
    command = [sys.executable, "-c", "from seedlab.cli import app; app()", "draw"]
    subprocess.run(
        [*command, "--split", "planted", "--out", str(planted)], check=True, stdout=sys.stderr
    )
    params = load_params()
    corpus = params.corpus.model_copy(update={"path": scratch / "seen"})
    clip = clip_score.load_clip(params.clip.path)
    embedder = Embedder(clip.embed_images, clip.embed_texts, clip.info)
    describer = load_describer(corpus.descriptor)
    started = time.perf_counter()
    record = build_index(
        corpus,
        embedder,
        hash_corpus_image,
        scratch / "index",
        batch_size=params.clip.batch,
        describer=describer,
    )
    seconds = time.perf_counter() - started
    index = load_index(scratch / "index", embedder)
    settings = params.lookup
    limits = CopyLimits(settings.copy_pdq, settings.copy_descriptor)

    def ask(image: Image.Image) -> list[Hit]:
        return look_up(
            index,
            embed_pictures([image], embedder.embed_images)[0],
            {},
            neighbours=settings.neighbours,
            near_duplicate=settings.near_duplicate,
            hashed=hash_query(image, describer),
            limits=limits,
        )

    names = [entry.file_name for entry in read_entries(planted, "planted")][:limit]
    variants = {}
    for name, change in VARIANTS.items():
        first = [ask(change(decode_image(planted / file)))[0] for file in names]
        right = [
            index.rows["pixels_sha256"].iloc[hit.row] == _find_pixels(index, file)
            for hit, file in zip(first, names, strict=True)
        ]
        copies = sum(
            bool(hit.copy_by) for hit, is_right in zip(first, right, strict=True) if is_right
        )
        variants[name] = {
            "rank_1": rate_figures(sum(map(bool, right)), len(names)),
            "called_copies": rate_figures(copies, len(names)),
        }
    others = [entry.file_name for entry in read_entries(scratch / "others", "others")][:limit]
    called = sum(bool(ask(decode_image(scratch / "others" / file))[0].copy_by) for file in others)
    return {
        "corpus": record.rows,
        "recall_at_1": round(record.recall_at_1, 4),
        "build_seconds": round(seconds, 1),
        "build_rows_per_second": round(record.rows / seconds, 1),
        "copy_descriptor": settings.copy_descriptor,
        "variants": variants,
        "others_called_copies": rate_figures(called, len(others)),
    }


def _find_pixels(index: CorpusIndex, file: str) -> str:
    return str(index.rows.loc[index.rows["file"] == file, "pixels_sha256"].item())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--pictures", type=int)
    arguments = parser.parse_args()
    print_figures(measure(arguments.scratch, arguments.pictures))
