"""Small corpora of every kind, as the tools that make them write them."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from drawn_corpus import PLAN
from pyarrow import parquet

from seedlab.drawing.picture import draw_picture

FAILED_KEY = "000000003"


def draw(number: int, side: int = 64) -> bytes:
    """A drawn picture as PNG, as an image file of a dataset."""
    buffer = io.BytesIO()
    sketch = PLAN[number % len(PLAN)]
    variant = "" if number < len(PLAN) else f"/{number // len(PLAN)}"
    draw_picture(sketch.theme, f"{sketch.seed}{variant}", side).save(buffer, "PNG")
    return buffer.getvalue()


def add_member(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    about = tarfile.TarInfo(name)
    about.size = len(data)
    tar.addfile(about, io.BytesIO(data))


def write_tar(path: Path, numbers: range, *, captions: dict[int, bytes] | None = None) -> None:
    """A tar of img2dataset, and the parquet beside it, which also lists a failed download."""
    rows: list[dict[str, Any]] = []
    with tarfile.open(path, "w") as tar:
        for number in numbers:
            key = f"{int(path.stem):05d}{number:04d}"
            about = {
                "caption": f"picture {number}",
                "url": f"https://example.org/{number}.png",
                "key": key,
                "status": "success",
                "error_message": None,
            }
            rows.append(about)
            text = (captions or {}).get(number, f"picture {number}".encode())
            add_member(tar, f"{key}.json", json.dumps(about).encode())
            add_member(tar, f"{key}.png", draw(number))
            add_member(tar, f"{key}.txt", text)
    rows.append(
        {
            "caption": "gone",
            "url": "https://example.org/gone.png",
            "key": FAILED_KEY,
            "status": "failed_to_download",
            "error_message": "HTTP Error 404: Not Found",
        }
    )
    parquet.write_table(pa.Table.from_pylist(rows), path.with_suffix(".parquet"))


def make_vectors(rows: int, width: int = 64, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def write_clip_retrieval(folder: Path, counts: tuple[int, ...] = (5, 7)) -> np.ndarray:
    """A folder of `clip-retrieval inference`: float16 vectors and metadata, in several files."""
    for name in ("img_emb", "text_emb", "metadata"):
        (folder / name).mkdir(parents=True)
    vectors = make_vectors(sum(counts))
    start = 0
    for number, count in enumerate(counts):
        rows = range(start, start + count)
        np.save(folder / f"img_emb/img_emb_{number}.npy", vectors[rows].astype(np.float16))
        np.save(folder / f"text_emb/text_emb_{number}.npy", vectors[rows][:, ::-1].astype("f2"))
        table = [
            {"image_path": f"{row:09d}", "caption": f"caption {row}", "url": f"https://e.org/{row}"}
            for row in rows
        ]
        parquet.write_table(
            pa.Table.from_pylist(table), folder / f"metadata/metadata_{number}.parquet"
        )
        start += count
    return vectors
