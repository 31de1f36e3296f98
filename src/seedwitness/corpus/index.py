"""An index on the disk: ``images.faiss``, ``texts.faiss``, ``rows.parquet``, ``corpus.json``.

Row n of the table stands at position n of both faiss indexes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedwitness.corpus import ROWS, Embedder
from seedwitness.errors import RecordError
from seedwitness.imaging.perceptual_fingerprint import Fingerprint, FingerprintIndex
from seedwitness.records.corpus import CorpusRecord
from seedwitness.records.document import read_document
from seedwitness.records.recipe import digest
from seedwitness.records.tables import read_table, write_table
from seedwitness.runtime.files import replace_whole

if TYPE_CHECKING:
    import pandas as pd

IMAGES, TEXTS, TABLE, ABOUT = "images.faiss", "texts.faiss", "rows.parquet", "corpus.json"
AGAIN = "Make it again: `dvc repro -s -f index`."


@dataclass(frozen=True)
class Index:
    """A corpus ready to be asked: faiss indexes of pictures and captions, rows, what it is."""

    images: Any
    texts: Any
    rows: pd.DataFrame
    about: CorpusRecord

    @cached_property
    def fingerprints(self) -> FingerprintIndex:
        """Of all rows, in their order."""
        columns = list(Fingerprint._fields)
        return FingerprintIndex(
            [Fingerprint(*row) for row in self.rows[columns].itertuples(index=False)]
        )


def digest_of(rows: pd.DataFrame) -> str:
    """Digest of all pixels' hashes and captions, in order."""
    return digest(rows[["pixels_sha256", "caption"]].to_numpy().tolist())


def save(index: Index, folder: Path) -> None:
    """Write all files of ``index`` into ``folder``, which is replaced as a whole."""
    import faiss

    with replace_whole(folder) as part:
        part.mkdir()
        faiss.write_index(index.images, str(part / IMAGES))
        faiss.write_index(index.texts, str(part / TEXTS))
        write_table(part / TABLE, index.rows, ROWS)
        index.about.write(part / ABOUT)


def load(folder: Path, embedder: Embedder) -> Index:
    """The index in ``folder``, checked: whole, of one making, and made by ``embedder``'s model.

    Raises RecordError that names the file and says how it is mended.
    """
    rows, about = load_rows(folder)
    if about.model_sha256 != embedder.sha256:
        now = embedder.model.name
        raise RecordError(
            f"{folder} was made with {about.model} (weights {about.model_sha256[:12]}…), but "
            f"`clip` now names {now} (weights {embedder.sha256[:12]}…): a cosine between two "
            f"models means nothing. {AGAIN}"
        )
    images, texts = (_read(folder / name, about) for name in (IMAGES, TEXTS))
    if images.d != texts.d:
        raise RecordError(
            f"{folder / IMAGES} holds vectors of {images.d} dimensions, {folder / TEXTS} of "
            f"{texts.d}: they are not of one making. {AGAIN}"
        )
    return Index(images, texts, rows, about)


def load_rows(folder: Path) -> tuple[pd.DataFrame, CorpusRecord]:
    """The rows of an index and what it is, without its vectors. Raises RecordError."""
    about = read_document(CorpusRecord, folder / ABOUT)
    rows = read_table(folder / TABLE, ROWS)
    if len(rows) != about.rows or digest_of(rows) != about.sha256:
        raise RecordError(
            f"{folder / TABLE} does not hold the {about.rows} rows that {folder / ABOUT} "
            f"describes. {AGAIN}"
        )
    return rows, about


def _read(path: Path, about: CorpusRecord) -> Any:
    import faiss

    if not path.exists():
        raise RecordError(f"{path} is missing. {AGAIN}")
    try:
        index = faiss.read_index(str(path))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise RecordError(f"{path} cannot be read by faiss: {reason}. {AGAIN}") from error
    if index.ntotal != about.rows:
        raise RecordError(
            f"{path} holds {index.ntotal} vectors, but the corpus has {about.rows} rows. {AGAIN}"
        )
    return index
