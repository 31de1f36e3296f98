"""An index that does not fit is refused, with what mends it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from drawnfolder import all_of, fingerprint, written

from seedwitness.corpus import Embedder
from seedwitness.corpus.index_builder import build, flat
from seedwitness.corpus.index import ABOUT, IMAGES, TABLE, TEXTS, Index, load, save
from seedwitness.errors import PictureError, RecordError


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def garbled(path: Path) -> None:
    path.write_bytes(b"no index")


def emptied(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("name", [IMAGES, TEXTS])
@pytest.mark.parametrize("harm", [Path.unlink, cut, garbled, emptied])
def test_a_harmed_index_is_named_with_the_remedy(
    saved: Path, embedder: Embedder, name: str, harm: Callable[[Path], None]
) -> None:
    harm(saved / name)
    with pytest.raises(RecordError, match=rf"{name} .*dvc repro"):
        load(saved, embedder)


@pytest.mark.parametrize("name", [TABLE, ABOUT])
def test_a_missing_table_is_named_with_the_remedy(
    saved: Path, embedder: Embedder, name: str
) -> None:
    (saved / name).unlink()
    with pytest.raises(RecordError, match=rf"{name} is missing.*dvc repro"):
        load(saved, embedder)


def test_parts_of_two_makings_are_refused(index: Index, saved: Path, embedder: Embedder) -> None:
    few = index.rows.iloc[:-1]
    save(replace(index, rows=few), saved)
    with pytest.raises(RecordError, match=r"rows\.parquet does not hold the 11 rows"):
        load(saved, embedder)
    save(replace(index, texts=flat(all_of(index.texts)[:-1])), saved)
    with pytest.raises(RecordError, match=r"texts\.faiss holds 10 vectors.*dvc repro"):
        load(saved, embedder)
    save(replace(index, texts=flat(all_of(index.texts)[:, :8])), saved)
    with pytest.raises(RecordError, match=r"texts\.faiss of 8.*dvc repro"):
        load(saved, embedder)


def test_another_model_is_refused(saved: Path, embedder: Embedder) -> None:
    other = replace(embedder.model, name="other-clip", weights_sha256="f" * 64)
    with pytest.raises(RecordError, match=r"lab-clip .* other-clip .*dvc repro"):
        load(saved, replace(embedder, model=other))


def test_a_corpus_that_cannot_be_read_is_named(tmp_path: Path, embedder: Embedder) -> None:
    with pytest.raises(PictureError, match=r"no folder .*nowhere.*corpus\.path"):
        build(tmp_path / "nowhere", "", embedder, fingerprint, batch=4)
    art = written(tmp_path / "art")
    cut(art / "5.png")
    with pytest.raises(PictureError, match=r"5\.png .*metadata\.jsonl"):
        build(art, "", embedder, fingerprint, batch=4)
