"""Query an index: nearest pictures to a picture, nearest captions to a text, near-duplicates.

Nothing is filtered, deduplicated or weighted: many copies of a picture in a corpus are what
predicts that it was memorised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image

from seedwitness.corpus import ImageHashes
from seedwitness.corpus.embeddings import Vectors
from seedwitness.corpus.hash_table import Copy, CopyLimits, HashedQuery
from seedwitness.corpus.index import REMEDY, CorpusIndex
from seedwitness.corpus.sources import load_picture
from seedwitness.errors import RecordError
from seedwitness.imaging import perceptual_fingerprint
from seedwitness.imaging.decoding import hash_pixels
from seedwitness.records.tables import MATCHES, make_typed_frame

if TYPE_CHECKING:
    import pandas as pd

COSINE_TOLERANCE = 1e-6
"""Rounding error of the cosine of two float32 vectors: without it, a row could miss itself."""

DEFAULT_LIMITS = CopyLimits(pdq=perceptual_fingerprint.MAX_PDQ_DISTANCE, descriptor=0.75)
MAX_MATCH_SIDE = 256
"""Longest side, in pixels, of the matches' pictures that are saved for a report."""


@dataclass(frozen=True)
class Hit:
    """One row of the corpus that a query returned.

    ``copy_by`` is empty, or what shows that the row's picture is a copy of the target: ``pdq``,
    ``pdq-mirrored``, ``descriptor`` or ``descriptor-mirrored``.
    """

    modality: Literal["image", "text"]
    query: str
    row: int
    similarity: float
    duplicates: int
    copies: int
    caption_score: float
    copy_by: str = ""
    descriptor: float = nan


def look_up(
    index: CorpusIndex,
    image_vector: Vectors | None,
    prompt_vectors: Mapping[str, Vectors],
    *,
    neighbours: int,
    near_duplicate: float,
    hashed: HashedQuery | None = None,
    limits: CopyLimits = DEFAULT_LIMITS,
) -> list[Hit]:
    """Look up a picture, then each prompt in turn; nearest hits first, ties ordered by row.

    ``image_vector`` [d] and the values of ``prompt_vectors`` [d] have unit length. A picture is
    compared with the corpus's pictures, a prompt with its captions. Each query returns
    ``neighbours`` hits, or fewer if the corpus has fewer rows with a picture or a caption.

    With ``hashed``, rows that are copies of the picture by hash or descriptor come first, and crops
    and mirrored pictures with them, which CLIP may rank behind others; after them the row that is
    nearest by the descriptor, because a small crop may be below the limit.

    ``duplicates`` counts the rows whose picture has a cosine of at least ``near_duplicate`` (within
    1e-6) with the hit's, itself included; ``copies`` those that are copies of the hit by hash or
    descriptor. ``caption_score`` is the cosine of the hit's caption and ``image_vector``.
    """
    copies = {} if hashed is None else _find_copies(index, hashed, limits)
    found: list[tuple[Literal["image", "text"], str, int, float]] = []
    if image_vector is not None:
        first = list(copies)
        nearest_copy = index.hashes.find_nearest_by_descriptor(hashed) if hashed else None
        if nearest_copy is not None and nearest_copy not in copies:
            first.append(nearest_copy)
        found += _look_up_picture(index, image_vector, first, neighbours)
    for prompt, vector in prompt_vectors.items():
        nearest = find_nearest(index.text_index, vector, neighbours)
        found += [("text", prompt, row, similarity) for row, similarity in nearest]
    rows = list(dict.fromkeys(row for _, _, row, _ in found))
    duplicates = {
        row: count_near_duplicates(index.image_index, row, near_duplicate) for row in rows
    }
    copy_counts = dict(zip(rows, index.hashes.count_copies(rows, limits), strict=True))
    hits = []
    for modality, query, row, similarity in found:
        score = nan
        if image_vector is not None and index.rows["caption"].iloc[row]:
            score = float(index.text_index.reconstruct(row) @ image_vector)
        copy = copies.get(row)
        hits.append(
            Hit(
                modality,
                query,
                row,
                similarity,
                duplicates[row],
                copy_counts[row],
                score,
                copy.kind if copy else "",
                _measure_descriptor(index, row, hashed),
            )
        )
    return hits


def _find_copies(index: CorpusIndex, hashed: HashedQuery, limits: CopyLimits) -> dict[int, Copy]:
    """The rows that are copies of the target by hash or descriptor, the most certain first."""
    return {copy.row: copy for copy in index.hashes.find_copies(hashed, limits)}


def _look_up_picture(
    index: CorpusIndex, vector: Vectors, copies: Sequence[int], neighbours: int
) -> list[tuple[Literal["image", "text"], str, int, float]]:
    """The copies among the rows, then the nearest others, in all ``neighbours`` at most."""
    _check_width(index.image_index, vector)
    first = [
        (row, float(index.image_index.reconstruct(row) @ vector)) for row in copies[:neighbours]
    ]
    known = {row for row, _ in first}
    others = [
        (row, similarity)
        for row, similarity in find_nearest(index.image_index, vector, neighbours)
        if row not in known
    ]
    return [("image", "", row, cosine) for row, cosine in [*first, *others][:neighbours]]


def _measure_descriptor(index: CorpusIndex, row: int, hashed: HashedQuery | None) -> float:
    """The cosine of the descriptors of a row and the target, or its mirror image if higher."""
    if hashed is None or hashed.descriptor is None or not index.hashes.has_descriptors:
        return nan
    vector = index.hashes.descriptors[row].astype(np.float32)
    return max(float(vector @ hashed.descriptor), float(vector @ hashed.mirrored_descriptor))


def _check_width(index_vectors: Any, vector: Vectors) -> None:
    if index_vectors.d != len(vector):
        raise RecordError(
            f"The corpus has embeddings of {index_vectors.d} dimensions, `clip` makes embeddings "
            f"of {len(vector)}: they are of different models. Name the model of the corpus as "
            "`clip.path`."
        )


def find_nearest(index_vectors: Any, query_vector: Vectors, limit: int) -> list[tuple[int, float]]:
    """Find the rows of a faiss index with the highest cosines to ``query_vector`` [d].

    Returns pairs of row and cosine. Rows whose vector is zero, because they have no picture or no
    caption, are left out.
    """
    _check_width(index_vectors, query_vector)
    # One query at a time: for several, faiss uses another routine whose last bits differ.
    similarities, rows = index_vectors.search(
        query_vector[None], min(limit, index_vectors.ntotal)
    )  # [1, k] each
    order = np.lexsort((rows[0], -similarities[0]))
    return [
        (int(rows[0][i]), float(similarities[0][i]))
        for i in order
        if rows[0][i] >= 0
        and (similarities[0][i] != 0 or index_vectors.reconstruct(int(rows[0][i])).any())
    ]


def count_near_duplicates(index_vectors: Any, row: int, threshold: float) -> int:
    """Count the rows whose cosine with ``row`` is at least ``threshold``, itself included."""
    row_vector = index_vectors.reconstruct(row)[None]
    limits, _, _ = index_vectors.range_search(row_vector, threshold - COSINE_TOLERANCE)
    return max(1, int(limits[1]))  # a row without a picture is its own only copy


def make_match_table(
    index: CorpusIndex,
    hits: Sequence[Hit],
    folder: Path,
    target_hashes: ImageHashes | None,
    caption_sizes: Mapping[str, tuple[int, float]],
) -> pd.DataFrame:
    """Make the table MATCHES of ``hits``, ranked in their order.

    ``folder`` is the corpus's folder; ``caption_sizes`` has the tokens and bits of every hit's
    caption. Distances are those of the nearer of the target and its mirror image where a row is a
    mirrored copy; they are missing for a row without a picture, or without ``target_hashes``.
    """
    selected = index.rows.iloc[[hit.row for hit in hits]].to_dict("records")
    matches = []
    for rank, (hit, row) in enumerate(zip(hits, selected, strict=True), start=1):
        tokens, bits = caption_sizes[row["caption"]]
        phash_distance, pdq_distance = _measure_distances(row, hit, target_hashes)
        matches.append(
            {
                "rank": rank,
                "modality": hit.modality,
                "query": hit.query,
                "similarity": hit.similarity,
                "phash_distance": phash_distance,
                "pdq_distance": pdq_distance,
                "pdq_quality": row["pdq_quality"] if row["pdq"] else None,
                "descriptor": hit.descriptor,
                "copy_by": hit.copy_by,
                "caption": row["caption"],
                "location": (folder / row["file"]).as_posix(),
                "url": row["url"],
                "corpus_id": row["id"],
                "duplicates": hit.duplicates,
                "copies": hit.copies,
                "caption_score": hit.caption_score,
                "caption_tokens": tokens,
                "caption_bits": bits,
            }
        )
    return make_typed_frame(matches, MATCHES)


def _measure_distances(
    row: Mapping[Any, Any], hit: Hit, target: ImageHashes | None
) -> tuple[int | None, int | None]:
    if target is None or not row["pdq"]:
        return None, None
    measure = perceptual_fingerprint.compute_hamming_distance
    if hit.copy_by.endswith("mirrored"):
        return measure(target.phash_mirrored, row["phash"]), measure(
            target.pdq_mirrored, row["pdq"]
        )
    return measure(target.phash, row["phash"]), measure(target.fingerprint.pdq, row["pdq"])


def save_match_images(
    index: CorpusIndex, hits: Sequence[Hit], corpus_folder: Path, folder: Path
) -> None:
    """Save the picture of every hit in ``folder`` as ``RANK.png``, at most 256 pixels a side.

    A corpus without pictures gives none. Raises RecordError if a picture has changed since it was
    indexed.
    """
    folder.mkdir()
    for rank, hit in enumerate(hits, start=1):
        row = index.rows.iloc[hit.row]
        remedy = f"Restore the picture that was indexed. Or: {REMEDY}"
        picture = load_picture(index.record.kind, corpus_folder, row["file"], remedy)
        if picture is None:
            continue
        if hash_pixels(picture) != row["pixels_sha256"]:
            raise RecordError(
                f"{corpus_folder / row['file']} has changed since it was indexed: its pixels have "
                f"another hash. Restore it. Or: {REMEDY}"
            )
        picture.thumbnail((MAX_MATCH_SIDE, MAX_MATCH_SIDE), Image.Resampling.LANCZOS)
        picture.save(folder / f"{rank}.png")
