"""Ask an index: the nearest pictures to a picture, the nearest captions to a text, near-duplicates.

Nothing is filtered, deduplicated or weighted: that a picture stands in a corpus many times is what
predicts that it was memorised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image

from seedwitness.corpus import ImageHashes
from seedwitness.corpus.embeddings import Vectors
from seedwitness.corpus.index import AGAIN, Index
from seedwitness.errors import RecordError
from seedwitness.imaging.decoding import decode_image, pixel_hash
from seedwitness.records.tables import MATCHES, typed_frame

if TYPE_CHECKING:
    import pandas as pd

ROUNDING = 1e-6
"""Error of a cosine of two float32 vectors: without it, a row might not be its own duplicate."""

SIDE = 256
"""Longest side, in pixels, of the pictures of matches that are kept for a report."""


@dataclass(frozen=True)
class Hit:
    """One row of the corpus that came back, and what for."""

    modality: Literal["image", "text"]
    query: str
    row: int
    similarity: float
    duplicates: int
    caption_score: float


def look_up(
    index: Index,
    image: Vectors,
    prompts: Mapping[str, Vectors],
    *,
    neighbours: int,
    near_duplicate: float,
) -> list[Hit]:
    """Hits by a picture, then by each prompt in turn, the nearest first, equals by row.

    ``image`` [d] and the values of ``prompts`` [d] have unit length. A picture is compared with the
    pictures of the corpus, a prompt with its captions; there are ``neighbours`` hits a query, or
    as many as the corpus has rows. ``duplicates`` counts the rows whose picture is near that of
    the hit, itself included: cosine at least ``near_duplicate`` (within 1e-6). ``caption_score`` is
    the cosine of the hit's caption and ``image``.
    """
    asked: list[tuple[Literal["image", "text"], str, Any, Vectors]] = [
        ("image", "", index.images, image),
        *(("text", prompt, index.texts, vector) for prompt, vector in prompts.items()),
    ]
    counts: dict[int, int] = {}
    hits = []
    for modality, query, vectors, vector in asked:
        for row, similarity in nearest(vectors, vector, neighbours):
            if row not in counts:
                counts[row] = near_duplicates(index.images, row, near_duplicate)
            caption_score = float(index.texts.reconstruct(row) @ image)
            hits.append(Hit(modality, query, row, similarity, counts[row], caption_score))
    return hits


def nearest(vectors: Any, query: Vectors, count: int) -> list[tuple[int, float]]:
    """Rows of the faiss index ``vectors`` with the highest cosines to ``query`` [d], and these."""
    # One query at a time: faiss takes another routine for many, with other last bits.
    found, rows = vectors.search(query[None], min(count, vectors.ntotal))  # [1, k] each
    order = np.lexsort((rows[0], -found[0]))
    return [(int(rows[0][i]), float(found[0][i])) for i in order]


def near_duplicates(vectors: Any, row: int, threshold: float) -> int:
    """How many rows have a cosine of at least ``threshold`` with row ``row``, itself included."""
    own = vectors.reconstruct(row)[None]
    limits, _, _ = vectors.range_search(own, threshold - ROUNDING)
    return int(limits[1])


def table(
    index: Index,
    hits: Sequence[Hit],
    folder: Path,
    own: ImageHashes,
    distance: Callable[[str, str], int],
    measured: Callable[[str], tuple[int, float]],
) -> pd.DataFrame:
    """``hits`` as MATCHES, ranked in their order.

    ``folder`` is where the corpus lies, ``own`` the target's hashes, ``distance`` that of two
    hashes, ``measured`` a caption's tokens and bits.
    """
    columns = index.rows.to_dict("list")
    matches = []
    for rank, hit in enumerate(hits, start=1):
        row = {name: values[hit.row] for name, values in columns.items()}
        tokens, bits = measured(row["caption"])
        matches.append(
            {
                "rank": rank,
                "modality": hit.modality,
                "query": hit.query,
                "similarity": hit.similarity,
                "phash_distance": distance(own.phash, row["phash"]),
                "pdq_distance": distance(own.fingerprint.pdq, row["pdq"]),
                "pdq_quality": row["pdq_quality"],
                "caption": row["caption"],
                "location": (folder / row["file"]).as_posix(),
                "corpus_id": row["id"],
                "duplicates": hit.duplicates,
                "caption_score": hit.caption_score,
                "caption_tokens": tokens,
                "caption_bits": bits,
            }
        )
    return typed_frame(matches, MATCHES)


def keep_pictures(index: Index, hits: Sequence[Hit], corpus: Path, folder: Path) -> None:
    """Write the picture of every hit into ``folder``, as ``RANK.png``, at most 256 pixels a side.

    Raises RecordError where a picture is no longer the one that was indexed.
    """
    folder.mkdir()
    for rank, hit in enumerate(hits, start=1):
        row = index.rows.iloc[hit.row]
        path = corpus / row["file"]
        picture = decode_image(path, f"Put it back as it was indexed. Or: {AGAIN}")
        if pixel_hash(picture) != row["pixels_sha256"]:
            raise RecordError(
                f"{path} has changed since it was indexed: its pixels have another hash. Put it "
                f"back as it was. Or: {AGAIN}"
            )
        picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        picture.save(folder / f"{rank}.png")
