"""Open a folder of clip-retrieval as it is, with its own faiss index, and look up in it.

``image.index``, ``text.index`` and ``metadata/*.parquet``. Where ``image.index`` is absent, the
embeddings are compared exactly. Pictures are not there, so nothing can be said of copies.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from seedwitness.corpus import CORPUS_ROWS, Embedder
from seedwitness.corpus.hash_table import PDQ_BYTES, PHASH_BYTES, THUMBNAIL_BYTES, HashTable
from seedwitness.corpus.index import CorpusIndex, digest_rows, read_faiss
from seedwitness.corpus.sources.clip_retrieval import RowFiles
from seedwitness.corpus.sources.items import read_caption
from seedwitness.corpus.sources.table_rows import (
    CAPTION_COLUMNS,
    PATH_COLUMNS,
    first_value,
    read_url,
)
from seedwitness.corpus.sources.vectors import open_vector_files
from seedwitness.corpus.vector_index import FLAT_KIND
from seedwitness.errors import RecordError
from seedwitness.records.corpus import CorpusRecord
from seedwitness.records.tables import make_typed_frame
from seedwitness.runtime.hashes import sha256_file

IMAGE_INDEX, TEXT_INDEX = "image.index", "text.index"
REMEDY = "Fetch the folder again, or build an index of its embeddings: corpus.kind=clip-retrieval."
MAX_EXACT_ROWS = 1_000_000
READ_ROWS = 65_536


def is_opened_folder(folder: Path) -> bool:
    """Whether a folder is one of clip-retrieval."""
    return (folder / IMAGE_INDEX).exists() or (folder / "img_emb").is_dir()


def open_folder(folder: Path, embedder: Embedder) -> CorpusIndex:
    """Open a folder of clip-retrieval. Rows are held in memory, indexes are mapped from disk.

    Raises RecordError if a file is damaged, or indexes and metadata have different lengths.
    """
    tables = sorted((folder / "metadata").glob("*.parquet"))
    rows, omitted = _read_rows(RowFiles(tables))
    images = _open_vectors(folder, IMAGE_INDEX, "img_emb")
    if images is None:
        raise RecordError(f"{folder} has neither {IMAGE_INDEX} nor img_emb/*.npy. {REMEDY}")
    texts = _open_vectors(folder, TEXT_INDEX, "text_emb")
    counts = {"pictures": images.ntotal, "metadata": len(rows)}
    counts |= {} if texts is None else {"captions": texts.ntotal}
    if len(set(counts.values())) > 1:
        described = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        raise RecordError(
            f"{folder} has different numbers of rows: {described}. Captions would stand beside the "
            f"pictures of other rows, so nothing of it is used. {REMEDY}"
        )
    if texts is None:
        texts = _NoVectors(images.ntotal, images.d)
    files = [path for path in (folder / IMAGE_INDEX, folder / TEXT_INDEX) if path.exists()]
    record = CorpusRecord(
        source=folder.name,
        rows=len(rows),
        sha256=digest_rows(rows),
        model=embedder.model.name,
        model_sha256=embedder.weights_sha256,
        model_label=embedder.model.label,
        index=FLAT_KIND if not files else f"{IMAGE_INDEX} of the folder, {_describe(images)}",
        recall_at_1=0,
        recall_n=0,
        recall_what="not measured: the folder was opened as it is",
        kind="clip-retrieval",
        vectors_given=True,
        omitted=omitted,
        files={path.name: sha256_file(path) for path in files},
    )
    return CorpusIndex(images, texts, rows, _make_blank_hashes(len(rows)), record)


def _describe(index: Any) -> str:
    return str(getattr(index, "kind", type(index).__name__))


def _open_vectors(folder: Path, name: str, embeddings: str) -> Any:
    """The index of the folder, or else an exact one of its embeddings; None without either."""
    import faiss

    if (folder / name).exists():
        index = read_faiss(folder / name, REMEDY)
        return _ForeignIndex(index)
    files = open_vector_files(sorted((folder / embeddings).glob("*.npy")))
    if not files:
        return None
    total = sum(file.rows for file in files)
    if total > MAX_EXACT_ROWS:
        raise RecordError(
            f"{folder / embeddings} has {total:,} rows, too many to compare each with every query. "
            f"{REMEDY}"
        )
    if len({file.width for file in files}) > 1:
        raise RecordError(f"The files in {folder / embeddings} have different widths. {REMEDY}")
    index = faiss.IndexFlatIP(files[0].width)
    for file in files:
        vectors = file.read(0, file.rows)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        usable = np.isfinite(lengths) & (lengths > 0)
        index.add(np.where(usable, vectors / np.where(usable, lengths, 1), 0).astype(np.float32))
    return index


class _ForeignIndex:
    """An index of any kind that faiss reads, searched with a query at a time.

    Similarities are those of the index: of codes, where it has codes only.
    """

    def __init__(self, index: Any) -> None:
        import faiss

        self.index = index
        self.ntotal, self.d, self.kind = int(index.ntotal), int(index.d), type(index).__name__
        if index.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise RecordError(f"The index of the folder does not compare cosines. {REMEDY}")
        with suppress(RuntimeError):  # not an inverted file, which needs none
            faiss.extract_index_ivf(index).make_direct_map()

    def search(self, queries: Any, limit: int) -> Any:
        return self.index.search(queries, limit)

    def range_search(self, query: Any, threshold: float) -> Any:
        return self.index.range_search(query, threshold)

    def reconstruct(self, row: int) -> Any:
        return self.index.reconstruct(row)


class _NoVectors:
    """In place of an index of captions that a folder does not have: no query finds anything."""

    def __init__(self, ntotal: int, d: int) -> None:
        self.ntotal, self.d = ntotal, d

    def search(self, queries: Any, limit: int) -> Any:
        shape = (len(queries), limit)
        return np.full(shape, -np.inf, np.float32), np.full(shape, -1, np.int64)

    def reconstruct(self, row: int) -> Any:
        return np.zeros(self.d, np.float32)


def _read_rows(files: RowFiles) -> tuple[pd.DataFrame, dict[str, int]]:
    rows: list[dict[str, object]] = []
    omitted: dict[str, int] = {}
    for start in range(0, sum(files.counts), READ_ROWS):
        for each in files.read(start, start + READ_ROWS):
            location = f"row {len(rows)}"
            caption, without = read_caption(first_value(each, CAPTION_COLUMNS), location)
            for omission in without:
                omitted[omission.reason] = omitted.get(omission.reason, 0) + 1
            rows.append(
                {
                    **dict.fromkeys(CORPUS_ROWS, ""),
                    "id": location,
                    "file": str(first_value(each, PATH_COLUMNS) or location),
                    "caption": caption,
                    "url": read_url(each),
                    "pdq_quality": 0,
                }
            )
    return make_typed_frame(rows, CORPUS_ROWS), omitted


def _make_blank_hashes(rows: int) -> HashTable:
    """Hashes of pictures that are not there, which take no memory."""

    def blank(width: int, kind: type[np.generic] = np.uint8) -> Any:
        return np.broadcast_to(np.zeros((1, width), kind), (rows, width))

    return HashTable(
        blank(2 * PDQ_BYTES + 1),
        blank(2 * PHASH_BYTES),
        blank(THUMBNAIL_BYTES),
        blank(0, np.float16),
    )
