"""The corpus: its entries are found with all their copies, independent of the batch size."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_corpus import COPIES, PLAN, compute_fingerprint, read_vectors, write_corpus
from PIL import Image

from seedwitness.config.inputs import CorpusSettings
from seedwitness.corpus import Embedder
from seedwitness.corpus.embeddings import embed_pictures, embed_texts
from seedwitness.corpus.index import (
    IMAGES_FILE,
    RECORD_FILE,
    ROWS_FILE,
    TEXTS_FILE,
    CorpusIndex,
    load_index,
)
from seedwitness.corpus.index_builder import build_index
from seedwitness.corpus.lookup import (
    Hit,
    count_near_duplicates,
    find_nearest,
    look_up,
    make_match_table,
    save_match_images,
)
from seedwitness.corpus.recall import degrade_image, measure_recall_at_1, select_known_items
from seedwitness.corpus.vector_index import make_flat_index
from seedwitness.errors import RecordError
from seedwitness.imaging import perceptual_fingerprint
from seedwitness.imaging.decoding import decode_image, hash_pixels
from seedwitness.metrics import LAB_WEIGHTS, phash
from seedwitness.records.corpus import CorpusRecord
from seedwitness.records.document import read_document
from seedwitness.runtime.hashes import sha256_file


def rebuild(folder: Path, embedder: Embedder, out: Path, batch_size: int) -> CorpusIndex:
    corpus = CorpusSettings(path=folder, source="drawn for the tests")
    build_index(corpus, embedder, compute_fingerprint, out, batch_size=batch_size)
    return load_index(out, embedder)


def test_every_line_is_a_row_and_nothing_is_changed(folder: Path, index: CorpusIndex) -> None:
    lines = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]
    rows = index.rows
    assert rows["file"].tolist() == sorted(line["file_name"] for line in lines)
    captions = {line["file_name"]: line["text"].strip() for line in lines}
    assert dict(zip(rows["file"], rows["caption"], strict=True)) == captions
    assert rows["id"].is_unique
    for row in rows.to_dict("records"):
        image = decode_image(folder / row["file"])
        assert row["pixels_sha256"] == hash_pixels(image)
        fingerprint_of_file = perceptual_fingerprint.fingerprint_image(image)
        assert row["phash"] == phash.hash_image(image)
        assert {
            name: row[name] for name in fingerprint_of_file._fields
        } == fingerprint_of_file._asdict()


def test_a_row_has_the_embeddings_of_its_picture_and_caption_alone(
    folder: Path, index: CorpusIndex, embedder: Embedder
) -> None:
    for position, row in enumerate(index.rows.to_dict("records")):
        array = np.array(decode_image(folder / row["file"]))
        image = embedder.embed_images(torch.from_numpy(array).permute(2, 0, 1)[None])
        text = embedder.embed_texts([row["caption"]])
        np.testing.assert_allclose(index.image_index.reconstruct(position), image[0], atol=1e-5)
        np.testing.assert_allclose(index.text_index.reconstruct(position), text[0], atol=1e-5)


def test_the_record_is_saved_beside_the_index(index: CorpusIndex, saved: Path) -> None:
    record = read_document(CorpusRecord, saved / RECORD_FILE)
    assert record == index.record
    assert record.rows == record.recall_n == len(PLAN) + COPIES - 1
    assert record.source == "drawn for the tests"
    assert (record.model, record.model_label) == ("lab-clip", LAB_WEIGHTS)
    assert "JPEG" in record.recall_what


def test_recall_equals_a_brute_force_count(
    folder: Path, index: CorpusIndex, embedder: Embedder
) -> None:
    hits = []
    for row in index.rows.to_dict("records"):
        image = degrade_image(decode_image(folder / row["file"]))
        nearest_row = int(
            np.argmax(
                read_vectors(index.image_index) @ embed_pictures([image], embedder.embed_images)[0]
            )
        )
        hits.append(index.rows["pixels_sha256"][nearest_row] == row["pixels_sha256"])
    assert index.record.recall_at_1 == np.mean(hits)
    assert np.mean(hits) > 3 / len(hits)  # a random order finds one or two


def test_known_items_are_scaled_down_and_compressed(folder: Path) -> None:
    image = decode_image(folder / "0.png")
    degraded = degrade_image(image)
    assert degraded.size == (48, 48)
    resized = np.array(image.resize((48, 48), Image.Resampling.BICUBIC), np.float64)
    error = np.sqrt(np.mean((np.array(degraded) - resized) ** 2))
    assert 1 < error < 30
    assert degrade_image(Image.new("RGB", (1, 1))).size == (1, 1)


def test_the_index_is_independent_of_the_batch_size(
    folder: Path, index: CorpusIndex, embedder: Embedder, tmp_path: Path
) -> None:
    other = rebuild(folder, embedder, tmp_path / "other", batch_size=2)
    assert other.rows.equals(index.rows)
    assert other.record == index.record.model_copy(
        update={
            "files": other.record.files,
            "descriptor": "",
            "descriptor_sha256": "",
            "descriptor_label": "",
        }
    )
    np.testing.assert_allclose(
        read_vectors(other.image_index), read_vectors(index.image_index), atol=1e-5
    )
    np.testing.assert_allclose(
        read_vectors(other.text_index), read_vectors(index.text_index), atol=1e-5
    )


def test_a_broken_text_chunk_changes_no_row(
    folder: Path, index: CorpusIndex, embedder: Embedder, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    data = (copy / "0.png").read_bytes()
    body = b"tEXtparameters\0a fox"
    chunk = (len(body) - 4).to_bytes(4, "big") + body + b"\0\0\0\0"  # its checksum is wrong
    (copy / "0.png").write_bytes(data[:33] + chunk + data[33:])
    other = rebuild(copy, embedder, tmp_path / "other", batch_size=8)
    assert other.rows.equals(index.rows)


def test_the_same_corpus_gives_the_same_bytes(
    folder: Path, embedder: Embedder, tmp_path: Path
) -> None:
    for name in ("once", "again"):
        rebuild(folder, embedder, tmp_path / name, batch_size=64)
    files = [path.relative_to(tmp_path / "once") for path in (tmp_path / "once").rglob("*.*")]
    assert {IMAGES_FILE, TEXTS_FILE, ROWS_FILE, RECORD_FILE} < {str(file) for file in files}
    for file in files:
        assert (tmp_path / "again" / file).read_bytes() == (
            tmp_path / "once" / file
        ).read_bytes(), file


def test_the_record_names_every_file_by_its_hash(index: CorpusIndex, saved: Path) -> None:
    files = {path for path in saved.rglob("*") if path.is_file()} - {saved / RECORD_FILE}
    assert index.record.files == {
        path.relative_to(saved).as_posix(): sha256_file(path) for path in files
    }


def test_neighbours_are_those_of_a_matrix_product(index: CorpusIndex) -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(50, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    query = vectors[7]
    cosines = vectors @ query
    neighbours = find_nearest(make_flat_index(vectors), query, 5)
    assert [row for row, _ in neighbours] == np.argsort(-cosines)[:5].tolist()
    assert neighbours[0] == (7, pytest.approx(1.0))
    np.testing.assert_allclose(
        [cosine for _, cosine in neighbours], np.sort(cosines)[::-1][:5], atol=1e-6
    )
    assert len(find_nearest(make_flat_index(vectors), query, 99)) == 50


def test_rows_without_a_vector_are_no_neighbours() -> None:
    vectors = np.eye(3, dtype=np.float32)
    vectors[1] = 0
    assert [row for row, _ in find_nearest(make_flat_index(vectors), vectors[0], 3)] == [0, 2]


def test_ties_are_in_the_order_of_their_rows() -> None:
    vectors = np.eye(4, dtype=np.float32)[[1, 0, 1, 1]]
    assert [row for row, _ in find_nearest(make_flat_index(vectors), vectors[0], 4)] == [0, 2, 3, 1]


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.9, 1.0])
def test_near_duplicates_are_counted_over_the_whole_index(threshold: float) -> None:
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(300, 4)).astype(np.float32)
    vectors[100:140] = vectors[3]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = int((vectors.astype(np.float64) @ vectors[3] >= threshold - 1e-6).sum())
    assert count_near_duplicates(make_flat_index(vectors), 3, threshold) == expected >= 41
    assert count_near_duplicates(make_flat_index(vectors[:1]), 0, threshold) == 1  # itself


def test_a_picture_finds_itself_and_all_its_copies(index: CorpusIndex) -> None:
    image = index.image_index.reconstruct(0)
    caption = index.rows["caption"][4]
    prompts = {caption: index.text_index.reconstruct(4), "b": index.text_index.reconstruct(5)}
    hits = look_up(index, image, prompts, neighbours=2, near_duplicate=1.0)
    assert [(hit.modality, hit.query) for hit in hits] == (
        [("image", "")] * 2 + [("text", caption)] * 2 + [("text", "b")] * 2
    )
    assert hits[0].row == 0
    assert hits[0].similarity == pytest.approx(1.0, abs=1e-5)
    assert hits[0].duplicates == COPIES  # although only two hits are requested
    assert hits[2].row == 4
    assert hits[2].similarity == pytest.approx(1.0, abs=1e-5)
    for hit in hits:
        expected = index.text_index.reconstruct(hit.row) @ image
        assert hit.caption_score == pytest.approx(expected, abs=1e-6)


def test_matches_have_distances_and_captions(
    index: CorpusIndex, folder: Path, tmp_path: Path
) -> None:
    target_hashes = compute_fingerprint(decode_image(folder / "0.png"))
    hits = [Hit("image", "", row, 1.0 - row / 100, 1, 1, 0.5) for row in range(len(index.rows))]

    sizes = {caption: (len(caption), len(caption) / 2) for caption in index.rows["caption"]}
    matches = make_match_table(index, hits, folder, target_hashes, sizes)
    assert matches["rank"].tolist() == list(range(1, len(hits) + 1))
    assert matches["caption"].tolist() == index.rows["caption"].tolist()
    assert matches["corpus_id"].tolist() == index.rows["id"].tolist()
    assert matches["caption_tokens"].tolist() == [len(c) for c in index.rows["caption"]]
    copies = matches["location"].str.contains(r"/0\.png|/x")
    assert copies.sum() == COPIES
    assert (matches["pdq_distance"][copies] == 0).all()
    assert (matches["phash_distance"][copies] == 0).all()
    assert (matches["pdq_distance"][~copies] > 31).all()

    save_match_images(index, hits, folder, tmp_path / "images")
    for rank, name in enumerate(index.rows["file"], start=1):
        saved, original = (
            decode_image(tmp_path / "images" / f"{rank}.png"),
            decode_image(folder / name),
        )
        assert max(saved.size) <= 256
        if max(original.size) <= 256:
            assert hash_pixels(saved) == hash_pixels(original)
        else:
            assert max(saved.size) == 256


def test_a_picture_that_changed_after_indexing_is_refused(
    index: CorpusIndex, folder: Path, tmp_path: Path
) -> None:
    art = write_corpus(tmp_path / "art")
    decode_image(art / "1.png").save(art / "0.png")
    with pytest.raises(RecordError, match=r"0\.png has changed.*dvc repro"):
        save_match_images(index, [Hit("image", "", 0, 1.0, 1, 1, 0.0)], art, tmp_path / "images")


def test_recall_has_known_answers() -> None:
    vectors = np.eye(5, dtype=np.float32)
    pixels = list("abcab")
    assert measure_recall_at_1(make_flat_index(vectors), vectors, range(5), pixels) == 1
    assert (
        measure_recall_at_1(make_flat_index(vectors), vectors[[1, 2, 0, 4, 3]], range(5), pixels)
        == 0
    )
    # Row 3 finds row 0, which has the same pixels; row 4 finds row 2, which has different ones.
    assert (
        measure_recall_at_1(make_flat_index(vectors), vectors[[0, 1, 2, 0, 2]], range(5), pixels)
        == 0.8
    )
    assert (
        measure_recall_at_1(make_flat_index(vectors), vectors[[0, 3]], range(0, 5, 3), pixels) == 1
    )


def test_known_items_are_few_and_evenly_spaced() -> None:
    assert list(select_known_items(4)) == [0, 1, 2, 3]
    assert list(select_known_items(10, limit=3)) == [0, 4, 8]
    for count in (999, 1000, 1001, 3140):
        assert len(select_known_items(count)) <= 1000
        assert len(select_known_items(count)) >= 500
        assert select_known_items(count)[-1] < count


def test_pictures_of_any_sizes_keep_their_order(folder: Path, embedder: Embedder) -> None:
    images = [decode_image(folder / f"{number}.png") for number in range(8)]
    together = embed_pictures(images, embedder.embed_images)
    back = embed_pictures(images[::-1], embedder.embed_images)
    np.testing.assert_allclose(together, back[::-1], atol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_texts_keep_their_order(embedder: Embedder) -> None:
    texts = ["an owl", "a cat", "an owl", ""]
    vectors = embed_texts(texts, embedder.embed_texts)
    assert np.array_equal(vectors[0], vectors[2])
    np.testing.assert_allclose(vectors, embedder.embed_texts(texts), atol=1e-5)
