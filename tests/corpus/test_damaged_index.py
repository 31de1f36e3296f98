"""A damaged or inconsistent index is refused, with the remedy."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from drawn_corpus import compute_fingerprint, read_vectors, write_corpus

from seedwitness.corpus import Embedder
from seedwitness.corpus.index import (
    IMAGES_FILE,
    RECORD_FILE,
    ROWS_FILE,
    TEXTS_FILE,
    CorpusIndex,
    load_index,
    save_index,
)
from seedwitness.corpus.index_builder import build_index, make_flat_index
from seedwitness.errors import PictureError, RecordError


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
    few = index.rows.iloc[:-1]
    save_index(replace(index, rows=few), saved)
    with pytest.raises(RecordError, match=r"rows\.parquet does not hold the 11 rows"):
        load_index(saved, embedder)
    save_index(
        replace(index, text_index=make_flat_index(read_vectors(index.text_index)[:-1])), saved
    )
    with pytest.raises(RecordError, match=r"texts\.faiss holds 10 vectors.*dvc repro"):
        load_index(saved, embedder)
    save_index(
        replace(index, text_index=make_flat_index(read_vectors(index.text_index)[:, :8])), saved
    )
    with pytest.raises(RecordError, match=r"texts\.faiss of 8.*dvc repro"):
        load_index(saved, embedder)


def test_another_model_is_refused(saved: Path, embedder: Embedder) -> None:
    other = replace(embedder.model, name="other-clip", weights_sha256="f" * 64)
    with pytest.raises(RecordError, match=r"lab-clip .* other-clip .*dvc repro"):
        load_index(saved, replace(embedder, model=other))


def test_a_corpus_that_cannot_be_read_is_named(tmp_path: Path, embedder: Embedder) -> None:
    with pytest.raises(PictureError, match=r"no folder .*nowhere.*corpus\.path"):
        build_index(tmp_path / "nowhere", "", embedder, compute_fingerprint, batch_size=4)
    art = write_corpus(tmp_path / "art")
    truncate(art / "5.png")
    with pytest.raises(PictureError, match=r"5\.png .*metadata\.jsonl"):
        build_index(art, "", embedder, compute_fingerprint, batch_size=4)
