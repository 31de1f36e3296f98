"""The corpus: what stands in it comes back, with all its copies, whatever the batch."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from drawnfolder import COPIES, PLAN, all_of, fingerprint, written
from PIL import Image

from seedwitness.corpus import Embedder
from seedwitness.corpus.index_builder import build, flat
from seedwitness.corpus.embeddings import embed_pictures, embed_texts
from seedwitness.corpus.index import ABOUT, IMAGES, TABLE, TEXTS, Index, load, save
from seedwitness.corpus.lookup import Hit, keep_pictures, look_up, near_duplicates, nearest, table
from seedwitness.corpus.recall import degraded, known_items, recall_at_1
from seedwitness.errors import RecordError
from seedwitness.imaging import perceptual_fingerprint
from seedwitness.imaging.decoding import decode_image, pixel_hash
from seedwitness.metrics import LAB_WEIGHTS, phash
from seedwitness.records.corpus import CorpusRecord
from seedwitness.records.document import read_document


def test_every_line_is_a_row_and_nothing_is_changed(folder: Path, index: Index) -> None:
    lines = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]
    rows = index.rows
    assert rows["file"].tolist() == sorted(line["file_name"] for line in lines)
    captions = {line["file_name"]: line["text"].strip() for line in lines}
    assert dict(zip(rows["file"], rows["caption"], strict=True)) == captions
    assert rows["id"].is_unique
    for row in rows.to_dict("records"):
        image = decode_image(folder / row["file"])
        assert row["pixels_sha256"] == pixel_hash(image)
        own = perceptual_fingerprint.fingerprint_image(image)
        assert row["phash"] == phash.hashed(image)
        assert {name: row[name] for name in own._fields} == own._asdict()


def test_a_row_is_embedded_as_its_picture_and_caption_alone_are(
    folder: Path, index: Index, embedder: Embedder
) -> None:
    for position, row in enumerate(index.rows.to_dict("records")):
        array = np.array(decode_image(folder / row["file"]))
        image = embedder.images(torch.from_numpy(array).permute(2, 0, 1)[None])
        text = embedder.texts([row["caption"]])
        np.testing.assert_allclose(index.images.reconstruct(position), image[0], atol=1e-5)
        np.testing.assert_allclose(index.texts.reconstruct(position), text[0], atol=1e-5)


def test_what_it_is_stands_beside_it(index: Index, saved: Path) -> None:
    about = read_document(CorpusRecord, saved / ABOUT)
    assert about == index.about
    assert about.rows == about.recall_n == len(PLAN) + COPIES - 1
    assert about.source == "drawn for the tests"
    assert (about.model, about.model_label) == ("lab-clip", LAB_WEIGHTS)
    assert "JPEG" in about.recall_what


def test_its_recall_is_that_of_a_plain_count(
    folder: Path, index: Index, embedder: Embedder
) -> None:
    found = []
    for row in index.rows.to_dict("records"):
        image = degraded(decode_image(folder / row["file"]))
        likest = int(np.argmax(all_of(index.images) @ embed_pictures([image], embedder.images)[0]))
        found.append(index.rows["pixels_sha256"][likest] == row["pixels_sha256"])
    assert index.about.recall_at_1 == np.mean(found)
    assert np.mean(found) > 3 / len(found)  # a draw finds one or two


def test_known_items_come_back_smaller_and_through_jpeg(folder: Path) -> None:
    image = decode_image(folder / "0.png")
    again = degraded(image)
    assert again.size == (48, 48)
    plain = np.array(image.resize((48, 48), Image.Resampling.BICUBIC), np.float64)
    error = np.sqrt(np.mean((np.array(again) - plain) ** 2))
    assert 1 < error < 30
    assert degraded(Image.new("RGB", (1, 1))).size == (1, 1)


def test_the_index_does_not_depend_on_the_batch(
    folder: Path, index: Index, embedder: Embedder
) -> None:
    other = build(folder, "drawn for the tests", embedder, fingerprint, batch=2)
    assert other.rows.equals(index.rows)
    assert other.about == index.about
    np.testing.assert_allclose(all_of(other.images), all_of(index.images), atol=1e-5)
    np.testing.assert_allclose(all_of(other.texts), all_of(index.texts), atol=1e-5)


def test_the_same_corpus_gives_the_same_bytes(
    folder: Path, embedder: Embedder, saved: Path, tmp_path: Path
) -> None:
    again = build(folder, "drawn for the tests", embedder, fingerprint, batch=64)
    save(again, tmp_path / "again")
    for name in (IMAGES, TEXTS, TABLE, ABOUT):
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes(), name


def test_what_was_saved_is_what_is_loaded(index: Index, embedder: Embedder, saved: Path) -> None:
    loaded = load(saved, embedder)
    assert loaded.rows.equals(index.rows)
    assert loaded.about == index.about
    assert np.array_equal(all_of(loaded.images), all_of(index.images))
    assert np.array_equal(all_of(loaded.texts), all_of(index.texts))


def test_neighbours_are_those_of_a_plain_product(index: Index) -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(50, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    query = vectors[7]
    cosines = vectors @ query
    found = nearest(flat(vectors), query, 5)
    assert [row for row, _ in found] == np.argsort(-cosines)[:5].tolist()
    assert found[0] == (7, pytest.approx(1.0))
    np.testing.assert_allclose([s for _, s in found], np.sort(cosines)[::-1][:5], atol=1e-6)
    assert len(nearest(flat(vectors), query, 99)) == 50


def test_equals_stand_in_the_order_of_their_rows() -> None:
    vectors = np.eye(4, dtype=np.float32)[[1, 0, 1, 1]]
    assert [row for row, _ in nearest(flat(vectors), vectors[0], 4)] == [0, 2, 3, 1]


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.9, 1.0])
def test_near_duplicates_are_counted_over_the_whole_index(threshold: float) -> None:
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(300, 4)).astype(np.float32)
    vectors[100:140] = vectors[3]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = int((vectors.astype(np.float64) @ vectors[3] >= threshold - 1e-6).sum())
    assert near_duplicates(flat(vectors), 3, threshold) == expected >= 41
    assert near_duplicates(flat(vectors[:1]), 0, threshold) == 1  # itself


def test_a_picture_finds_itself_and_all_its_copies(index: Index) -> None:
    image = index.images.reconstruct(0)
    caption = index.rows["caption"][4]
    prompts = {caption: index.texts.reconstruct(4), "b": index.texts.reconstruct(5)}
    hits = look_up(index, image, prompts, neighbours=2, near_duplicate=1.0)
    assert [(hit.modality, hit.query) for hit in hits] == (
        [("image", "")] * 2 + [("text", caption)] * 2 + [("text", "b")] * 2
    )
    assert hits[0].row == 0
    assert hits[0].similarity == pytest.approx(1.0, abs=1e-5)
    assert hits[0].duplicates == COPIES  # though only two hits were asked for
    assert hits[2].row == 4
    assert hits[2].similarity == pytest.approx(1.0, abs=1e-5)
    for hit in hits:
        expected = index.texts.reconstruct(hit.row) @ image
        assert hit.caption_score == pytest.approx(expected, abs=1e-6)


def test_matches_say_how_far_they_are_and_keep_their_captions(
    index: Index, folder: Path, tmp_path: Path
) -> None:
    own = fingerprint(decode_image(folder / "0.png"))
    hits = [Hit("image", "", row, 1.0 - row / 100, 1, 0.5) for row in range(len(index.rows))]

    def measured(caption: str) -> tuple[int, float]:
        return len(caption), len(caption) / 2

    matches = table(index, hits, folder, own, perceptual_fingerprint.hamming_distance, measured)
    assert matches["rank"].tolist() == list(range(1, len(hits) + 1))
    assert matches["caption"].tolist() == index.rows["caption"].tolist()
    assert matches["corpus_id"].tolist() == index.rows["id"].tolist()
    assert matches["caption_tokens"].tolist() == [len(c) for c in index.rows["caption"]]
    copies = matches["location"].str.contains(r"/0\.png|/x")
    assert copies.sum() == COPIES
    assert (matches["pdq_distance"][copies] == 0).all()
    assert (matches["phash_distance"][copies] == 0).all()
    assert (matches["pdq_distance"][~copies] > 31).all()

    keep_pictures(index, hits, folder, tmp_path / "images")
    for rank, name in enumerate(index.rows["file"], start=1):
        kept, original = (
            decode_image(tmp_path / "images" / f"{rank}.png"),
            decode_image(folder / name),
        )
        assert max(kept.size) <= 256
        if max(original.size) <= 256:
            assert pixel_hash(kept) == pixel_hash(original)
        else:
            assert max(kept.size) == 256


def test_a_picture_that_has_changed_since_is_refused(
    index: Index, folder: Path, tmp_path: Path
) -> None:
    art = written(tmp_path / "art")
    decode_image(art / "1.png").save(art / "0.png")
    with pytest.raises(RecordError, match=r"0\.png has changed.*dvc repro"):
        keep_pictures(index, [Hit("image", "", 0, 1.0, 1, 0.0)], art, tmp_path / "images")


def test_recall_has_known_answers() -> None:
    vectors = np.eye(5, dtype=np.float32)
    pixels = list("abcab")
    assert recall_at_1(flat(vectors), vectors, range(5), pixels) == 1
    assert recall_at_1(flat(vectors), vectors[[1, 2, 0, 4, 3]], range(5), pixels) == 0
    # Row 3 finds row 0, which has the same pixels; row 4 finds row 2, which has others.
    assert recall_at_1(flat(vectors), vectors[[0, 1, 2, 0, 2]], range(5), pixels) == 0.8
    assert recall_at_1(flat(vectors), vectors[[0, 3]], range(0, 5, 3), pixels) == 1


def test_known_items_are_few_and_evenly_spaced() -> None:
    assert list(known_items(4)) == [0, 1, 2, 3]
    assert list(known_items(10, most=3)) == [0, 4, 8]
    for count in (999, 1000, 1001, 3140):
        assert len(known_items(count)) <= 1000
        assert len(known_items(count)) >= 500
        assert known_items(count)[-1] < count


def test_pictures_of_any_sizes_keep_their_order(folder: Path, embedder: Embedder) -> None:
    images = [decode_image(folder / f"{number}.png") for number in range(8)]
    together = embed_pictures(images, embedder.images)
    back = embed_pictures(images[::-1], embedder.images)
    np.testing.assert_allclose(together, back[::-1], atol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_texts_keep_their_order(embedder: Embedder) -> None:
    texts = ["an owl", "a cat", "an owl", ""]
    vectors = embed_texts(texts, embedder.texts)
    assert np.array_equal(vectors[0], vectors[2])
    np.testing.assert_allclose(vectors, embedder.texts(texts), atol=1e-5)
