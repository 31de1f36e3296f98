"""Store an index on disk: ``images.faiss``, ``texts.faiss``, ``rows.parquet``, ``corpus.json``.

Row n of the table belongs to position n of both faiss indexes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedwitness.corpus import CORPUS_ROWS, Embedder
from seedwitness.errors import RecordError
from seedwitness.imaging.perceptual_fingerprint import Fingerprint, FingerprintIndex
from seedwitness.records.corpus import CorpusRecord
from seedwitness.records.document import read_document
from seedwitness.records.tables import read_table, write_table
from seedwitness.runtime.files import replace_whole
from seedwitness.runtime.hashes import digest

if TYPE_CHECKING:
    import pandas as pd

IMAGES_FILE, TEXTS_FILE, ROWS_FILE, RECORD_FILE = (
    "images.faiss",
    "texts.faiss",
    "rows.parquet",
    "corpus.json",
)
REMEDY = "Build it again: `dvc repro -s -f index`."


@dataclass(frozen=True)
class CorpusIndex:
    """A searchable corpus: faiss indexes of pictures and captions, rows, and its record."""

    image_index: Any
    text_index: Any
    rows: pd.DataFrame
    record: CorpusRecord

    @cached_property
    def fingerprints(self) -> FingerprintIndex:
        """The perceptual fingerprints of all rows, in their order."""
        columns = list(Fingerprint._fields)
        return FingerprintIndex(
            [Fingerprint(*row) for row in self.rows[columns].itertuples(index=False)]
        )


def digest_rows(rows: pd.DataFrame) -> str:
    """Digest the pixel hashes and captions of all rows, in order."""
    return digest(rows[["pixels_sha256", "caption"]].to_numpy().tolist())


def save_index(index: CorpusIndex, folder: Path) -> None:
    """Write all files of ``index`` into ``folder``, which is replaced atomically."""
    import faiss

    with replace_whole(folder) as partial_folder:
        partial_folder.mkdir()
        faiss.write_index(index.image_index, str(partial_folder / IMAGES_FILE))
        faiss.write_index(index.text_index, str(partial_folder / TEXTS_FILE))
        write_table(partial_folder / ROWS_FILE, index.rows, CORPUS_ROWS)
        index.record.write(partial_folder / RECORD_FILE)


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
    return CorpusIndex(image_index, text_index, rows, record)


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


def _read_vectors(path: Path, record: CorpusRecord) -> Any:
    import faiss

    if not path.exists():
        raise RecordError(f"{path} is missing. {REMEDY}")
    try:
        index = faiss.read_index(str(path))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise RecordError(f"{path} cannot be read by faiss: {reason}. {REMEDY}") from error
    if index.ntotal != record.rows:
        raise RecordError(
            f"{path} holds {index.ntotal} vectors, but the corpus has {record.rows} rows. {REMEDY}"
        )
    return index
