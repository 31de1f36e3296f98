"""Query an index: nearest pictures to a picture, nearest captions to a text, near-duplicates.

Nothing is filtered, deduplicated or weighted: many copies of a picture in a corpus are what
predicts that it was memorised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image

from seedwitness.corpus import ImageHashes
from seedwitness.corpus.embeddings import Vectors
from seedwitness.corpus.index import REMEDY, CorpusIndex
from seedwitness.errors import RecordError
from seedwitness.imaging import perceptual_fingerprint
from seedwitness.imaging.decoding import decode_image, hash_pixels
from seedwitness.records.tables import MATCHES, make_typed_frame

if TYPE_CHECKING:
    import pandas as pd

COSINE_TOLERANCE = 1e-6
"""Rounding error of the cosine of two float32 vectors: without it, a row could miss itself."""

MAX_MATCH_SIDE = 256
"""Longest side, in pixels, of the matches' pictures that are saved for a report."""


@dataclass(frozen=True)
class Hit:
    """One row of the corpus that a query returned."""

    modality: Literal["image", "text"]
    query: str
    row: int
    similarity: float
    duplicates: int
    caption_score: float


def look_up(
    index: CorpusIndex,
    image_vector: Vectors,
    prompt_vectors: Mapping[str, Vectors],
    *,
    neighbours: int,
    near_duplicate: float,
) -> list[Hit]:
    """Look up a picture, then each prompt in turn; nearest hits first, ties ordered by row.

    ``image_vector`` [d] and the values of ``prompt_vectors`` [d] have unit length. A picture is
    compared with the corpus's pictures, a prompt with its captions. Each query returns
    ``neighbours`` hits, or as many as the corpus has rows. ``duplicates`` counts the rows whose
    picture has a cosine of at least ``near_duplicate`` (within 1e-6) with the hit's, itself
    included. ``caption_score`` is the cosine of the hit's caption and ``image_vector``.
    """
    queries: list[tuple[Literal["image", "text"], str, Any, Vectors]] = [
        ("image", "", index.image_index, image_vector),
        *(
            ("text", prompt, index.text_index, query_vector)
            for prompt, query_vector in prompt_vectors.items()
        ),
    ]
    duplicate_counts: dict[int, int] = {}
    hits = []
    for modality, query, index_vectors, query_vector in queries:
        for row, similarity in find_nearest(index_vectors, query_vector, neighbours):
            if row not in duplicate_counts:
                duplicate_counts[row] = count_near_duplicates(
                    index.image_index, row, near_duplicate
                )
            caption_score = float(index.text_index.reconstruct(row) @ image_vector)
            hits.append(Hit(modality, query, row, similarity, duplicate_counts[row], caption_score))
    return hits


def find_nearest(index_vectors: Any, query_vector: Vectors, limit: int) -> list[tuple[int, float]]:
    """Find the rows of a faiss index with the highest cosines to ``query_vector`` [d].

    Returns pairs of row and cosine.
    """
    # One query at a time: for several, faiss uses another routine whose last bits differ.
    similarities, rows = index_vectors.search(
        query_vector[None], min(limit, index_vectors.ntotal)
    )  # [1, k] each
    order = np.lexsort((rows[0], -similarities[0]))
    return [(int(rows[0][i]), float(similarities[0][i])) for i in order]


def count_near_duplicates(index_vectors: Any, row: int, threshold: float) -> int:
    """Count the rows whose cosine with ``row`` is at least ``threshold``, itself included."""
    row_vector = index_vectors.reconstruct(row)[None]
    limits, _, _ = index_vectors.range_search(row_vector, threshold - COSINE_TOLERANCE)
    return int(limits[1])


def make_match_table(
    index: CorpusIndex,
    hits: Sequence[Hit],
    folder: Path,
    target_hashes: ImageHashes,
    caption_sizes: Mapping[str, tuple[int, float]],
) -> pd.DataFrame:
    """Make the table MATCHES of ``hits``, ranked in their order.

    ``folder`` is the corpus's folder; ``caption_sizes`` has the tokens and bits of every hit's
    caption.
    """
    distance = perceptual_fingerprint.compute_hamming_distance
    columns = index.rows.to_dict("list")
    matches = []
    for rank, hit in enumerate(hits, start=1):
        row = {name: values[hit.row] for name, values in columns.items()}
        tokens, bits = caption_sizes[row["caption"]]
        matches.append(
            {
                "rank": rank,
                "modality": hit.modality,
                "query": hit.query,
                "similarity": hit.similarity,
                "phash_distance": distance(target_hashes.phash, row["phash"]),
                "pdq_distance": distance(target_hashes.fingerprint.pdq, row["pdq"]),
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
    return make_typed_frame(matches, MATCHES)


def save_match_images(
    index: CorpusIndex, hits: Sequence[Hit], corpus_folder: Path, folder: Path
) -> None:
    """Save the picture of every hit in ``folder`` as ``RANK.png``, at most 256 pixels a side.

    Raises RecordError if a picture has changed since it was indexed.
    """
    folder.mkdir()
    for rank, hit in enumerate(hits, start=1):
        row = index.rows.iloc[hit.row]
        path = corpus_folder / row["file"]
        picture = decode_image(path, f"Restore the picture that was indexed. Or: {REMEDY}")
        if hash_pixels(picture) != row["pixels_sha256"]:
            raise RecordError(
                f"{path} has changed since it was indexed: its pixels have another hash. "
                f"Restore it. Or: {REMEDY}"
            )
        picture.thumbnail((MAX_MATCH_SIDE, MAX_MATCH_SIDE), Image.Resampling.LANCZOS)
        picture.save(folder / f"{rank}.png")
