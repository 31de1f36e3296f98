"""A damaged or inconsistent index is refused, with the remedy."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import faiss
import numpy as np
import pytest
from drawn_corpus import read_vectors

from seedwitness.corpus import CORPUS_ROWS, Embedder
from seedwitness.corpus.hash_table import FILES
from seedwitness.corpus.index import (
    IMAGES_FILE,
    RECORD_FILE,
    ROWS_FILE,
    TEXTS_FILE,
    VECTORS_FOLDER,
    CorpusIndex,
    load_index,
)
from seedwitness.corpus.vector_index import make_flat_index
from seedwitness.errors import RecordError
from seedwitness.records.tables import write_table


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def garble(path: Path) -> None:
    path.write_bytes(b"no index")


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("name", [IMAGES_FILE, TEXTS_FILE])
@pytest.mark.parametrize("damage", [Path.unlink, truncate, garble, empty])
def test_a_damaged_index_is_named_with_the_remedy(
    saved: Path, embedder: Embedder, name: str, damage: Callable[[Path], None]
) -> None:
    damage(saved / name)
    with pytest.raises(RecordError, match=rf"{name} .*dvc repro"):
        load_index(saved, embedder)


@pytest.mark.parametrize("name", [ROWS_FILE, RECORD_FILE])
def test_a_missing_table_is_named_with_the_remedy(
    saved: Path, embedder: Embedder, name: str
) -> None:
    (saved / name).unlink()
    with pytest.raises(RecordError, match=rf"{name} is missing.*dvc repro"):
        load_index(saved, embedder)


def test_files_of_different_indexes_are_refused(
    index: CorpusIndex, saved: Path, embedder: Embedder
) -> None:
    vectors = read_vectors(index.text_index)
    faiss.write_index(make_flat_index(vectors[:-1]), str(saved / TEXTS_FILE))
    with pytest.raises(RecordError, match=r"texts\.faiss holds 10 vectors.*dvc repro"):
        load_index(saved, embedder)
    faiss.write_index(make_flat_index(vectors[:, :8]), str(saved / TEXTS_FILE))
    with pytest.raises(RecordError, match=r"texts\.faiss of 8.*dvc repro"):
        load_index(saved, embedder)
    write_table(saved / ROWS_FILE, index.rows.iloc[:-1], CORPUS_ROWS)
    with pytest.raises(RecordError, match=r"rows\.parquet does not hold the 11 rows"):
        load_index(saved, embedder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [Path.unlink, truncate, garble, empty])
def test_damaged_hashes_are_named_with_the_remedy(
    saved: Path, embedder: Embedder, name: str, damage: Callable[[Path], None]
) -> None:
    damage(saved / VECTORS_FOLDER / name)
    with pytest.raises(RecordError, match=r"hashes in .*vectors.*dvc repro"):
        load_index(saved, embedder)


def test_hashes_of_another_corpus_are_refused(saved: Path, embedder: Embedder) -> None:
    path = saved / VECTORS_FOLDER / FILES[0]
    np.save(path, np.load(path)[:-1])
    with pytest.raises(RecordError, match=r"holds 10 hashes, but the corpus has 11"):
        load_index(saved, embedder)


def test_another_model_is_refused(saved: Path, embedder: Embedder) -> None:
    other = replace(embedder.model, name="other-clip", weights_sha256="f" * 64)
    with pytest.raises(RecordError, match=r"lab-clip .* other-clip .*dvc repro"):
        load_index(saved, replace(embedder, model=other))
