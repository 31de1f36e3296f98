"""Index a folder of pictures with captions: embed, hash, and measure recall on known items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seedwitness.corpus import CORPUS_ROWS, Embedder, ImageHasher
from seedwitness.corpus.embeddings import Vectors, embed_pictures, embed_texts
from seedwitness.corpus.index import CorpusIndex, digest_rows
from seedwitness.corpus.recall import METHOD, degrade_image, measure_recall_at_1, select_known_items
from seedwitness.imaging.decoding import decode_image, hash_pixels
from seedwitness.imaging.image_folder import ImageEntry, read_entries
from seedwitness.records.corpus import CorpusRecord
from seedwitness.records.tables import make_typed_frame
from seedwitness.runtime.hashes import digest

INDEX_KIND = "faiss IndexFlatIP: exact, by cosine"


def build_index(
    folder: Path, source: str, embedder: Embedder, hash_image: ImageHasher, *, batch_size: int
) -> CorpusIndex:
    """Index ``folder``, an ImageFolder: every line of its metadata.jsonl becomes one row.

    ``batch_size`` pictures are in memory at a time; embeddings are independent of it within 1e-5.
    A picture that cannot be read raises PictureError; none is skipped.
    """
    from tqdm import tqdm

    entries = read_entries(folder, "corpus.path")
    known_rows = select_known_items(len(entries))
    rows: list[dict[str, object]] = []
    image_vectors: list[Vectors] = []
    known_vectors: list[Vectors] = []
    with tqdm(total=len(entries), desc="index", unit="picture", disable=None) as progress:
        for batch_entries in _split_batches(entries, batch_size):
            pictures = [
                decode_image(
                    folder / entry.file_name,
                    "Replace it by an intact picture, or remove it together with its line in "
                    f"{folder / 'metadata.jsonl'}.",
                )
                for entry in batch_entries
            ]
            image_vectors.append(embed_pictures(pictures, embedder.embed_images))
            degraded_pictures = [
                degrade_image(picture)
                for number, picture in enumerate(pictures, start=len(rows))
                if number in known_rows
            ]
            if degraded_pictures:
                known_vectors.append(embed_pictures(degraded_pictures, embedder.embed_images))
            for entry, picture in zip(batch_entries, pictures, strict=True):
                pixels_sha256, hashes = hash_pixels(picture), hash_image(picture)
                rows.append(
                    {
                        "id": digest([entry.file_name, entry.text, pixels_sha256])[:16],
                        "file": entry.file_name,
                        "caption": entry.text,
                        "pixels_sha256": pixels_sha256,
                        "phash": hashes.phash,
                        **hashes.fingerprint._asdict(),
                    }
                )
            progress.update(len(batch_entries))
    row_table = make_typed_frame(rows, CORPUS_ROWS)
    image_index = make_flat_index(np.concatenate(image_vectors))
    text_index = make_flat_index(embed_texts(row_table["caption"].tolist(), embedder.embed_texts))
    record = CorpusRecord(
        source=source,
        rows=len(row_table),
        sha256=digest_rows(row_table),
        model=embedder.model.name,
        model_sha256=embedder.weights_sha256,
        model_label=embedder.model.label,
        index=INDEX_KIND,
        recall_at_1=measure_recall_at_1(
            image_index,
            np.concatenate(known_vectors),
            known_rows,
            row_table["pixels_sha256"].tolist(),
        ),
        recall_n=len(known_rows),
        recall_what=METHOD,
    )
    return CorpusIndex(image_index, text_index, row_table, record)


def make_flat_index(vectors: Vectors) -> Any:
    """Make an exact faiss index by inner product over ``vectors`` [n, d]."""
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors))
    return index


def _split_batches(
    entries: Sequence[ImageEntry], batch_size: int
) -> Iterator[Sequence[ImageEntry]]:
    for start in range(0, len(entries), batch_size):
        yield entries[start : start + batch_size]
