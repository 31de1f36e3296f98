"""An index on disk: ``images.faiss``, ``texts.faiss``, ``rows.parquet``, ``corpus.json``.

Row n of the table belongs to position n of both faiss indexes and of the arrays in ``vectors/``:
hashes, descriptors, and for an index that is not exact the embeddings. Indexes and arrays are
mapped from disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seedwitness.config.inputs import IvfSettings
from seedwitness.corpus import CORPUS_ROWS, Embedder
from seedwitness.corpus.hash_table import HashTable, load_hash_table
from seedwitness.corpus.vector_index import RescoredIndex
from seedwitness.errors import RecordError
from seedwitness.imaging.perceptual_fingerprint import Fingerprint, FingerprintIndex
from seedwitness.records.corpus import CorpusRecord
from seedwitness.records.document import read_document
from seedwitness.records.tables import read_table
from seedwitness.runtime.hashes import digest

if TYPE_CHECKING:
    import pandas as pd

IMAGES_FILE, TEXTS_FILE, ROWS_FILE, RECORD_FILE, VECTORS_FOLDER = (
    "images.faiss",
    "texts.faiss",
    "rows.parquet",
    "corpus.json",
    "vectors",
)
REMEDY = "Build it again: `dvc repro -s -f index`."


@dataclass(frozen=True)
class CorpusIndex:
    """A searchable corpus: indexes of pictures and captions, rows, hashes, and its record."""

    image_index: Any
    text_index: Any
    rows: pd.DataFrame
    hashes: HashTable
    record: CorpusRecord

    @cached_property
    def fingerprints(self) -> FingerprintIndex:
        """The perceptual fingerprints of all rows with a picture; others match nothing."""
        columns = list(Fingerprint._fields)
        blank = Fingerprint("0" * 64, 0, "0" * 384)
        return FingerprintIndex(
            [
                Fingerprint(*row) if row[0] else blank
                for row in self.rows[columns].itertuples(index=False)
            ]
        )


def digest_rows(rows: pd.DataFrame) -> str:
    """Digest the pixel hashes and captions of all rows, in order."""
    return digest(rows[["pixels_sha256", "caption"]].to_numpy().tolist())


def load_index(folder: Path, embedder: Embedder) -> CorpusIndex:
    """Load the index in ``folder``; check that it is complete and made by ``embedder``'s model.

    Raises RecordError, which names the file and the remedy.
    """
    rows, record = load_rows(folder)
    if record.model_sha256 != embedder.weights_sha256:
        model_name = embedder.model.name
        raise RecordError(
            f"{folder} was made with {record.model} (weights {record.model_sha256[:12]}…), but "
            f"`clip` now names {model_name} (weights {embedder.weights_sha256[:12]}…): embeddings "
            f"of different models cannot be compared. {REMEDY}"
        )
    image_index, text_index = (
        _read_vectors(folder / name, record) for name in (IMAGES_FILE, TEXTS_FILE)
    )
    if image_index.d != text_index.d:
        raise RecordError(
            f"{folder / IMAGES_FILE} holds vectors of {image_index.d} dimensions, "
            f"{folder / TEXTS_FILE} of {text_index.d}: they belong to different indexes. {REMEDY}"
        )
    return CorpusIndex(image_index, text_index, rows, _read_hashes(folder, record), record)


def load_rows(folder: Path) -> tuple[pd.DataFrame, CorpusRecord]:
    """Load the rows and the record of an index, without its vectors. Raises RecordError."""
    record = read_document(CorpusRecord, folder / RECORD_FILE)
    rows = read_table(folder / ROWS_FILE, CORPUS_ROWS)
    if len(rows) != record.rows or digest_rows(rows) != record.sha256:
        raise RecordError(
            f"{folder / ROWS_FILE} does not hold the {record.rows} rows that "
            f"{folder / RECORD_FILE} describes. {REMEDY}"
        )
    return rows, record


def read_faiss(path: Path, remedy: str) -> Any:
    """Map a faiss index from disk. Raises RecordError, which ends in ``remedy``."""
    import faiss

    if not path.exists():
        raise RecordError(f"{path} is missing. {remedy}")
    try:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise RecordError(f"{path} cannot be read by faiss: {reason}. {remedy}") from error


def _read_vectors(path: Path, record: CorpusRecord) -> Any:
    import faiss

    index = read_faiss(path, REMEDY)
    if index.ntotal != record.rows:
        raise RecordError(
            f"{path} holds {index.ntotal} vectors, but the corpus has {record.rows} rows. {REMEDY}"
        )
    if isinstance(index, faiss.IndexFlat):
        return index
    vectors_path = path.parent / VECTORS_FOLDER / f"{path.stem}.npy"
    vectors = _map_array(vectors_path)
    if vectors.shape != (index.ntotal, index.d):
        raise RecordError(
            f"{vectors_path} holds embeddings of the shape {vectors.shape}, {path} "
            f"{(index.ntotal, index.d)}. {REMEDY}"
        )
    if record.probes is None or record.rescored is None:
        raise RecordError(f"{path.parent / RECORD_FILE} does not say how to search. {REMEDY}")
    settings = IvfSettings(probes=record.probes, rescored=record.rescored)
    return RescoredIndex(index, vectors, settings)


def _read_hashes(folder: Path, record: CorpusRecord) -> HashTable:
    try:
        hashes = load_hash_table(folder / VECTORS_FOLDER)
    except (OSError, ValueError, EOFError) as error:
        raise RecordError(
            f"The hashes in {folder / VECTORS_FOLDER} cannot be read: {error}. {REMEDY}"
        ) from error
    for array in (hashes.pdq, hashes.phash, hashes.thumbnails, hashes.descriptors):
        if len(array) != record.rows:
            raise RecordError(
                f"{folder / VECTORS_FOLDER} holds {len(array)} hashes, but the corpus has "
                f"{record.rows} rows. {REMEDY}"
            )
    return hashes


def _map_array(path: Path) -> Any:
    try:
        return np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise RecordError(f"{path} cannot be read: {error}. {REMEDY}") from error
