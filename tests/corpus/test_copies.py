"""Copies are found by hash and descriptor: saved again, mirrored, cropped; others are not."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from corpus_sources import draw
from PIL import Image, ImageOps

from seedwitness.config.inputs import CorpusSettings
from seedwitness.corpus import Describer, Embedder
from seedwitness.corpus.embeddings import embed_pictures
from seedwitness.corpus.hash_table import CopyLimits
from seedwitness.corpus.image_hashes import hash_corpus_image, hash_query, load_describer
from seedwitness.corpus.index import CorpusIndex, load_index
from seedwitness.corpus.index_builder import build_index
from seedwitness.corpus.lookup import look_up, make_match_table
from seedwitness.imaging.perceptual_fingerprint import compute_hamming_distance

DESCRIPTOR = Path(__file__).parents[2] / "data/lab/metrics/descriptor/descriptor.pt"
LIMITS = CopyLimits(pdq=31, descriptor=0.8)
COUNT = 27
TWICE, MIRRORED, CROPPED = 4, 7, 14


def save_jpeg(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=50)
    return Image.open(buffer).convert("RGB")


def crop(image: Image.Image) -> Image.Image:
    """80 % of the area, about the middle."""
    cut = round(0.053 * image.width)
    return image.crop((cut, cut, image.width - cut, image.height - cut))


def halve(image: Image.Image) -> Image.Image:
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.BICUBIC)


def load(number: int) -> Image.Image:
    return Image.open(io.BytesIO(draw(number, 128))).convert("RGB")


@pytest.fixture(scope="module")
def describer() -> Describer:
    loaded = load_describer(DESCRIPTOR)
    assert loaded is not None
    return loaded


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> CorpusIndex:
    folder = tmp_path_factory.mktemp("copies")
    pictures = [load(number) for number in range(COUNT)]
    pictures += [save_jpeg(pictures[TWICE]), ImageOps.mirror(pictures[MIRRORED])]
    pictures += [crop(pictures[CROPPED])]
    lines = []
    for number, picture in enumerate(pictures):
        picture.save(folder / f"{number:02d}.png")
        lines.append(f'{{"file_name": "{number:02d}.png", "text": "picture {number}"}}\n')
    (folder / "metadata.jsonl").write_text("".join(lines))
    corpus = CorpusSettings(path=folder, source="tests", descriptor=DESCRIPTOR)
    build_index(
        corpus,
        embedder,
        hash_corpus_image,
        folder / "index",
        batch_size=8,
        describer=load_describer(DESCRIPTOR),
    )
    return load_index(folder / "index", embedder)


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (lambda image: image, {"pdq"}),
        (save_jpeg, {"pdq"}),
        (halve, {"pdq", "descriptor"}),
        (ImageOps.mirror, {"pdq-mirrored"}),
        # A symmetric picture may be nearer to its mirror image. Below the limit it is rank 1 too.
        (crop, {"pdq", "descriptor", "descriptor-mirrored", ""}),
    ],
    ids=["png", "jpeg", "halved", "mirrored", "cropped"],
)
def test_a_changed_copy_of_a_picture_is_rank_1(
    index: CorpusIndex,
    embedder: Embedder,
    describer: Describer,
    change: Callable[[Image.Image], Image.Image],
    kinds: set[str],
) -> None:
    numbers = [number for number in range(COUNT) if number not in (TWICE, MIRRORED, CROPPED)]
    for number in numbers:
        image = change(load(number))
        hits = look_up(
            index,
            embed_pictures([image], embedder.embed_images)[0],
            {},
            neighbours=3,
            near_duplicate=0.99,
            hashed=hash_query(image, describer),
            limits=LIMITS,
        )
        assert hits[0].row == number
        assert hits[0].copy_by in kinds
        assert len(hits) == len({hit.row for hit in hits}) == 3


def test_a_picture_that_the_corpus_does_not_have_is_called_no_copy(
    index: CorpusIndex, describer: Describer
) -> None:
    others = [load(number) for number in range(COUNT, COUNT + 60)]
    found = [index.hashes.find_copies(hash_query(other, describer), LIMITS) for other in others]
    assert sum(map(bool, found)) <= 1


def test_copies_of_a_match_are_counted_also_mirrored_and_cropped(index: CorpusIndex) -> None:
    rows = [0, TWICE, MIRRORED, CROPPED, COUNT, COUNT + 1, COUNT + 2]
    counts = dict(zip(rows, index.hashes.count_copies(rows, LIMITS), strict=True))
    assert counts[0] == 1
    assert counts[TWICE] == counts[COUNT] == 2
    assert counts[MIRRORED] == counts[COUNT + 1] == 2
    assert counts[CROPPED] == counts[COUNT + 2] == 2
    assert index.hashes.count_copies([], LIMITS) == []


def test_descriptors_of_rows_are_those_of_their_pictures(
    index: CorpusIndex, describer: Describer
) -> None:
    expected = embed_pictures([load(number) for number in range(5)], describer.embed)
    np.testing.assert_allclose(index.hashes.descriptors[:5], expected, atol=2e-3)
    assert index.record.descriptor == "lab-descriptor"
    assert index.record.descriptor_sha256 == describer.weights_sha256


def test_a_mirrored_match_has_the_distances_of_the_mirrored_target(
    index: CorpusIndex, embedder: Embedder, describer: Describer
) -> None:
    image = ImageOps.mirror(load(2))
    hashed = hash_query(image, describer)
    vector = embed_pictures([image], embedder.embed_images)[0]
    hits = look_up(
        index, vector, {}, neighbours=2, near_duplicate=0.9, hashed=hashed, limits=LIMITS
    )
    sizes = dict.fromkeys(index.rows["caption"], (1, 1.0))
    table = make_match_table(index, hits, Path("art"), hashed.hashes, sizes)
    assert table["copy_by"][0] == "pdq-mirrored"
    assert (table["pdq_distance"][0], table["phash_distance"][0]) == (0, 0)
    assert table["descriptor"][0] == pytest.approx(1, abs=2e-3)
    second = index.rows.iloc[hits[1].row]
    assert table["pdq_distance"][1] == compute_hamming_distance(
        hashed.hashes.fingerprint.pdq, second["pdq"]
    )


def test_a_flat_picture_is_a_copy_of_nothing_by_hash(index: CorpusIndex) -> None:
    flat = Image.new("RGB", (128, 128), (120, 130, 140))
    assert index.hashes.find_copies(hash_query(flat, None), LIMITS) == []
