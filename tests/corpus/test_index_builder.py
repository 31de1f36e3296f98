"""Any kind of source becomes an index; a killed build continues; large ones use IVF-PQ."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from corpus_sources import draw, make_vectors, write_clip_retrieval, write_tar
from drawn_corpus import compute_fingerprint, read_vectors, write_corpus

from seedwitness.config.inputs import CorpusSettings, IvfSettings
from seedwitness.corpus import Embedder
from seedwitness.corpus.image_hashes import load_describer
from seedwitness.corpus.index import CorpusIndex, load_index
from seedwitness.corpus.index_builder import build_index
from seedwitness.corpus.lookup import find_nearest, look_up
from seedwitness.corpus.recall import MAX_KNOWN_ITEMS, is_known_item, select_known_items
from seedwitness.corpus.vector_index import (
    PrefilteredIndex,
    RescoredIndex,
    build_ivf,
    make_flat_index,
)
from seedwitness.errors import PictureError, RecordError


def build(
    folder: Path, kind: str, embedder: Embedder, out: Path, **settings: object
) -> CorpusIndex:
    corpus = CorpusSettings.model_validate(
        {"path": folder, "source": "tests", "kind": kind, **settings}
    )
    build_index(corpus, embedder, compute_fingerprint, out, batch_size=4)
    return load_index(out, embedder)


def test_damaged_pictures_are_counted_and_the_rest_is_indexed(
    tmp_path: Path, embedder: Embedder
) -> None:
    folder = write_corpus(tmp_path / "art")
    data = (folder / "5.png").read_bytes()
    (folder / "5.png").write_bytes(data[:100])
    index = build(folder, "image-folder", embedder, tmp_path / "index")
    assert index.record.omitted == {"damaged-picture": 1}
    assert index.record.omitted_examples["damaged-picture"].startswith("5.png: ")
    assert index.record.rows == len(index.rows) == index.image_index.ntotal == 10
    assert "5.png" not in index.rows["file"].tolist()


def test_tars_give_the_vectors_of_their_pictures(tmp_path: Path, embedder: Embedder) -> None:
    (tmp_path / "tars").mkdir()
    write_tar(tmp_path / "tars/00000.tar", range(3))
    write_tar(tmp_path / "tars/00001.tar", range(3, 6), captions={4: b"\xff"})
    index = build(tmp_path / "tars", "webdataset", embedder, tmp_path / "index")
    assert index.record.omitted == {"bad-caption": 1, "no-picture": 2}
    assert len(index.rows) == 6
    folder = tmp_path / "art"
    folder.mkdir()
    lines = []
    for number in range(6):
        (folder / f"{number}.png").write_bytes(draw(number))
        lines.append(f'{{"file_name": "{number}.png", "text": "picture {number}"}}\n')
    (folder / "metadata.jsonl").write_text("".join(lines))
    same = build(folder, "image-folder", embedder, tmp_path / "same")
    np.testing.assert_allclose(
        read_vectors(index.image_index), read_vectors(same.image_index), atol=1e-5
    )
    captions = read_vectors(index.text_index)
    np.testing.assert_allclose(captions[3], read_vectors(same.text_index)[3], atol=1e-5)
    assert not captions[4].any()
    [text] = embedder.embed_texts(["picture 4"]).numpy()
    assert 4 not in [row for row, _ in find_nearest(index.text_index, text, 6)]


def test_nothing_that_can_be_indexed_is_an_error_that_names_an_example(
    tmp_path: Path, embedder: Embedder
) -> None:
    folder = tmp_path / "art"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"no picture")
    (folder / "metadata.jsonl").write_text('{"file_name": "a.png", "text": "a"}\n')
    with pytest.raises(PictureError, match=r"Nothing in .* can be indexed \(damaged-picture: a\.p"):
        build(folder, "image-folder", embedder, tmp_path / "index")
    assert not (tmp_path / "index").exists()


def test_given_embeddings_are_indexed_as_they_are(tmp_path: Path, embedder: Embedder) -> None:
    vectors = write_clip_retrieval(tmp_path / "folder")
    np.save(tmp_path / "folder/img_emb/img_emb_0.npy", vectors[:5, :8])  # of another width
    index = build(tmp_path / "folder", "clip-retrieval", embedder, tmp_path / "index")
    assert index.record.omitted == {"bad-vector": 5}
    np.save(tmp_path / "folder/img_emb/img_emb_0.npy", vectors[:5].astype(np.float16))
    index = build(tmp_path / "folder", "clip-retrieval", embedder, tmp_path / "index")
    assert index.record.omitted == {}
    assert index.record.vectors_given
    assert index.record.recall_at_1 == 1
    assert "no pictures" in index.record.recall_what
    np.testing.assert_allclose(read_vectors(index.image_index), vectors, atol=1e-3)
    hits = look_up(index, vectors[7], {}, neighbours=3, near_duplicate=0.9)
    assert hits[0].row == 7
    assert [hit.copies for hit in hits] == [1, 1, 1]


def test_a_query_of_another_width_is_refused(tmp_path: Path, embedder: Embedder) -> None:
    np.save(tmp_path / "a.npy", make_vectors(5, width=8))
    index = build(tmp_path, "embeddings", embedder, tmp_path / "index")
    with pytest.raises(RecordError, match=r"8 dimensions, `clip` makes embeddings of 64.*clip\.pa"):
        look_up(index, make_vectors(1, width=64)[0], {}, neighbours=1, near_duplicate=0.9)


def test_known_items_are_the_same_whether_or_not_the_number_of_rows_is_known() -> None:
    for count in (1, 7, MAX_KNOWN_ITEMS, MAX_KNOWN_ITEMS + 1, 12_345):
        known = [row for row in range(count) if is_known_item(row)]
        assert set(select_known_items(count)) <= set(known)
        assert len(known) < MAX_KNOWN_ITEMS * (2 + np.log2(1 + count / MAX_KNOWN_ITEMS) / 2)


KILLED = """
import sys
from pathlib import Path
sys.path[:0] = [{helpers!r}]
from drawn_corpus import compute_fingerprint
from seedwitness.config.inputs import CorpusSettings
from seedwitness.corpus import Embedder
from seedwitness.corpus.index_builder import build_index
from seedwitness.metrics import clip_score
clip = clip_score.load_clip(Path({clip!r}))
corpus = CorpusSettings(path={folder!r}, source="tests", kind="webdataset")
embedder = Embedder(clip.embed_images, clip.embed_texts, clip.info)
build_index(corpus, embedder, compute_fingerprint, Path({out!r}), batch_size=4, work=Path({work!r}))
"""


def test_a_killed_build_continues_with_the_shards_that_are_there(
    tmp_path: Path, embedder: Embedder
) -> None:
    folder, work, out = tmp_path / "tars", tmp_path / "work", tmp_path / "index"
    folder.mkdir()
    for number in range(6):
        write_tar(folder / f"{number:05d}.tar", range(4 * number, 4 * number + 4))
    root = Path(__file__).parents[2]
    script = textwrap.dedent(KILLED).format(
        helpers=str(root / "tests/helpers"),
        clip=str(root / "data/lab/clip"),
        folder=str(folder),
        out=str(out),
        work=str(work),
    )
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while time.monotonic() < end and len(list(work.glob("[!.]*"))) < 2 and process.poll() is None:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    made = {path.name: path.stat().st_mtime_ns for path in work.glob("[!.]*")}
    assert 2 <= len(made) < 6
    assert not out.exists()

    corpus = CorpusSettings(path=folder, source="tests", kind="webdataset")
    # A last tar that is damaged in the meantime is read anew; finished shards are not.
    seen: list[str] = []
    original = embedder.embed_images

    def embed(pictures: object) -> object:
        seen.append("batch")
        return original(pictures)  # type: ignore[arg-type]

    counting = Embedder(embed, embedder.embed_texts, embedder.model)  # type: ignore[arg-type]
    build_index(corpus, counting, compute_fingerprint, out, batch_size=4, work=work)
    assert not work.exists()
    # A batch of each shard that was missing, and one for each of its known items.
    assert len(seen) == (6 - len(made)) * (1 + 4)
    fresh = build(folder, "webdataset", embedder, tmp_path / "fresh")
    continued = load_index(out, embedder)
    assert continued.rows.equals(fresh.rows)
    assert np.allclose(
        read_vectors(continued.image_index), read_vectors(fresh.image_index), atol=1e-5
    )


def test_a_large_corpus_has_codes_and_exact_cosines(tmp_path: Path, embedder: Embedder) -> None:
    rng = np.random.default_rng(3)
    centres = make_vectors(40, width=64, seed=1)
    vectors = centres[rng.integers(0, 40, 3000)] + 0.1 * rng.normal(size=(3000, 64))
    (tmp_path / "npy").mkdir()
    np.save(tmp_path / "npy/a.npy", vectors[:2000].astype(np.float32))
    np.save(tmp_path / "npy/b.npy", vectors[2000:].astype(np.float32))
    ivf = {"lists": 32, "code_bytes": 16, "probes": 8, "rescored": 200}
    index = build(
        tmp_path / "npy", "embeddings", embedder, tmp_path / "index", exact_rows=2999, ivf=ivf
    )
    assert isinstance(index.image_index, RescoredIndex)
    assert isinstance(index.image_index.vectors, np.memmap)
    assert index.record.index.startswith("faiss IVF32,PQ32x4fs: 8 lists searched")
    assert index.record.recall_at_10 is not None
    assert index.record.recall_at_10 >= 0.95
    assert index.record.recall_at_1 >= 0.99
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    stored = unit.astype(np.float16).astype(np.float32)
    query = stored[5] / np.linalg.norm(stored[5])
    cosines = stored @ query
    for row, cosine in find_nearest(index.image_index, query, 10):
        assert cosine == pytest.approx(cosines[row], abs=1e-6)
    assert find_nearest(index.image_index, query, 10)[0][0] == 5
    limits, _, rows = index.image_index.range_search(query[None], 0.7)
    assert limits[1] == len(rows)
    assert set(rows.tolist()) <= set(np.flatnonzero(cosines > 0.7 - 1e-6).tolist())
    assert len(rows) >= 0.95 * (cosines > 0.7).sum()

    small = build(tmp_path / "npy", "embeddings", embedder, tmp_path / "small", exact_rows=3000)
    assert small.record.index == "faiss IndexFlatIP: exact, by cosine"
    assert small.record.recall_at_10 is None


def test_codes_that_do_not_fit_the_vectors_are_named(tmp_path: Path, embedder: Embedder) -> None:
    np.save(tmp_path / "a.npy", make_vectors(50))
    with pytest.raises(RecordError, match=r"64 dimensions do not divide into 96.*code_bytes"):
        build(
            tmp_path,
            "embeddings",
            embedder,
            tmp_path / "index",
            exact_rows=10,
            ivf={"code_bytes": 48},
        )


def test_equal_vectors_give_equal_codes() -> None:
    vectors = make_vectors(2000).astype(np.float16)
    settings = IvfSettings(lists=16, code_bytes=8, probes=4)
    first, second = (RescoredIndex(build_ivf(vectors, settings), vectors, settings) for _ in "ab")
    for query in make_vectors(5, seed=9):
        assert find_nearest(first, query, 10) == find_nearest(second, query, 10)


@pytest.mark.parametrize("shape", ["even", "outliers", "copies"])
def test_the_prefiltered_index_answers_as_the_exact_one(shape: str) -> None:
    vectors = make_vectors(5000, width=96)
    if shape == "outliers":
        vectors[:, 3] += 5
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    if shape == "copies":
        vectors[100:900] = vectors[7]
    flat = make_flat_index(vectors)
    fast = PrefilteredIndex(flat)
    for query in [*vectors[:5], *make_vectors(20, width=96, seed=4)]:
        expected, found = find_nearest(flat, query, 20), find_nearest(fast, query, 20)
        np.testing.assert_allclose(
            [cosine for _, cosine in found], [cosine for _, cosine in expected], atol=1e-6
        )
        cosines = vectors @ query
        assert {row for row, _ in found} <= set(
            np.flatnonzero(cosines >= found[-1][1] - 1e-6).tolist()
        )


def test_the_mapped_index_can_be_prefiltered(index: CorpusIndex) -> None:
    fast = PrefilteredIndex(index.image_index)
    query = index.image_index.reconstruct(3)
    expected = find_nearest(index.image_index, query, 11)
    found = find_nearest(fast, query, 11)
    assert [row for row, _ in found][:1] == [3]
    np.testing.assert_allclose([c for _, c in found], [c for _, c in expected], atol=1e-6)
    assert np.array_equal(fast.reconstruct(4), index.image_index.reconstruct(4))


def test_no_descriptor_is_loaded_where_none_is_named() -> None:
    assert load_describer(None) is None
