"""The rows of one part of a source, embedded and hashed: the unit of an interrupted build.

A shard is a folder that is complete or absent. Its name is a digest of everything that decides its
content, so a build that was killed continues with the shards that are there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedwitness.corpus import CORPUS_ROWS, Describer, Embedder, ImageHasher, ImageHashes
from seedwitness.corpus.embeddings import Vectors, embed_pictures, embed_texts
from seedwitness.corpus.hash_table import FILES, make_hash_rows
from seedwitness.corpus.recall import blur_vector, degrade_image, is_known_item
from seedwitness.corpus.sources import CorpusItem, Omission, Part
from seedwitness.errors import PictureError
from seedwitness.imaging.decoding import hash_pixels
from seedwitness.records.tables import make_typed_frame, write_table
from seedwitness.runtime.files import replace_whole
from seedwitness.runtime.hashes import digest

VERSION = 1
ROWS_FILE, IMAGES_FILE, TEXTS_FILE, KNOWN_FILE, ABOUT_FILE = (
    "rows.parquet",
    "images.npy",
    "texts.npy",
    "known.npy",
    "about.json",
)


@dataclass(frozen=True)
class ShardTools:
    """What computes the columns of a row."""

    embedder: Embedder
    hash_image: ImageHasher
    describer: Describer | None
    batch_size: int

    def make_key(self, part: Part, first_row: int) -> str:
        """Digest everything that decides the content of a shard."""
        describer = self.describer.weights_sha256 if self.describer else ""
        model = self.embedder.weights_sha256
        parts = [VERSION, list(CORPUS_ROWS), model, describer, part.name, part.key, first_row]
        return digest(parts)[:24]


@dataclass
class _Rows:
    """The rows of a shard so far."""

    rows: list[dict[str, object]] = field(default_factory=list)
    hashes: list[ImageHashes | None] = field(default_factory=list)
    images: list[Vectors] = field(default_factory=list)
    texts: list[Vectors | None] = field(default_factory=list)
    descriptors: list[Vectors] = field(default_factory=list)
    known: list[Vectors] = field(default_factory=list)
    known_rows: list[int] = field(default_factory=list)
    omissions: list[Omission] = field(default_factory=list)
    vectors_given: bool = False


def make_shard(
    part: Part, first_row: int, tools: ShardTools, folder: Path, on_rows: Callable[[int], object]
) -> Path:
    """Make the shard of a part below ``folder``, unless it is there; returns its folder.

    ``first_row`` is the number of its first row in the corpus; ``on_rows`` is told how many rows
    were added. Memory is for one part, and for ``batch_size`` decoded pictures.
    """
    path = folder / tools.make_key(part, first_row)
    if path.is_dir():
        on_rows(read_about(path)["rows"])
        return path
    content = _Rows()
    batch: list[CorpusItem] = []
    for each in part.read():
        if isinstance(each, Omission):
            content.omissions.append(each)
            continue
        batch.append(each)
        if len(batch) == tools.batch_size:
            on_rows(_add_batch(content, batch, first_row, tools))
            batch = []
    on_rows(_add_batch(content, batch, first_row, tools))
    _write_shard(content, tools, path)
    return path


def _add_batch(
    content: _Rows, items: Sequence[CorpusItem], first_row: int, tools: ShardTools
) -> int:
    """Add the items of a batch whose picture or vectors can be used; returns their number."""
    before = len(content.rows)
    pictured, given = [], []
    for item in items:
        if item.load_image is None:
            given.append(item)
            continue
        try:
            pictured.append((item, item.load_image()))
        except PictureError as error:
            content.omissions.append(Omission("damaged-picture", item.location, str(error)))
    if pictured:
        pictures = [picture for _, picture in pictured]
        content.images += list(embed_pictures(pictures, tools.embedder.embed_images))
        if tools.describer:
            content.descriptors += list(embed_pictures(pictures, tools.describer.embed))
        for item, picture in pictured:
            number = first_row + len(content.rows)
            if is_known_item(number):
                content.known += list(
                    embed_pictures([degrade_image(picture)], tools.embedder.embed_images)
                )
                content.known_rows.append(number)
            hashes = tools.hash_image(picture)
            content.hashes.append(hashes)
            content.texts.append(None)
            content.rows.append(_make_row(item, hash_pixels(picture), hashes))
    for item in given:
        _add_given(content, item, first_row + len(content.rows))
    return len(content.rows) - before


def _add_given(content: _Rows, item: CorpusItem, number: int) -> None:
    """Add a row whose vectors the corpus brought along; without those of a picture they are 0."""
    vectors = [item.image_vector, item.text_vector]
    width = next(len(vector) for vector in vectors if vector is not None)
    image, text = (
        np.zeros(width, np.float32) if vector is None else vector / np.linalg.norm(vector)
        for vector in vectors
    )
    content.vectors_given = True
    content.images.append(image)
    content.texts.append(text)
    content.hashes.append(None)
    content.rows.append(_make_row(item, "", None))
    if item.image_vector is not None and is_known_item(number):
        content.known.append(blur_vector(image, number))
        content.known_rows.append(number)


def _make_row(item: CorpusItem, pixels: str, hashes: ImageHashes | None) -> dict[str, object]:
    return {
        "id": digest([item.location, item.caption, pixels])[:16],
        "file": item.location,
        "caption": item.caption,
        "url": item.url,
        "pixels_sha256": pixels,
        "phash": hashes.phash if hashes else "",
        **(
            hashes.fingerprint._asdict()
            if hashes
            else {"pdq": "", "pdq_quality": 0, "thumbnail": ""}
        ),
    }


def _write_shard(content: _Rows, tools: ShardTools, path: Path) -> None:
    captions = [str(row["caption"]) for row in content.rows]
    embedded = {
        caption for caption, text in zip(captions, content.texts, strict=True) if text is None
    } - {""}
    ordered = sorted(embedded)
    vectors: Any = embed_texts(ordered, tools.embedder.embed_texts) if ordered else []
    by_caption = dict(zip(ordered, vectors, strict=True))
    images = _stack(content.images)
    empty = np.zeros(images.shape[1], np.float32)  # a row without caption is near no text
    texts = [
        by_caption.get(caption, empty) if text is None else text
        for caption, text in zip(captions, content.texts, strict=True)
    ]
    descriptors = (
        _stack(content.descriptors)
        if content.descriptors
        else np.zeros((len(content.rows), 0), np.float32)
    )
    about = {
        "rows": len(content.rows),
        "known_rows": content.known_rows,
        "vectors_given": content.vectors_given,
        "omissions": [[each.reason, each.location, each.detail] for each in content.omissions],
    }
    with replace_whole(path) as partial_folder:
        partial_folder.mkdir()
        write_table(
            partial_folder / ROWS_FILE, make_typed_frame(content.rows, CORPUS_ROWS), CORPUS_ROWS
        )
        np.save(partial_folder / IMAGES_FILE, images)
        np.save(partial_folder / TEXTS_FILE, _stack(texts))
        np.save(partial_folder / KNOWN_FILE, _stack(content.known))
        hash_rows: tuple[NDArray[Any], ...] = (
            *make_hash_rows(content.hashes),
            descriptors.astype(np.float16),
        )
        for name, array in zip(FILES, hash_rows, strict=True):
            np.save(partial_folder / name, array)
        (partial_folder / ABOUT_FILE).write_text(json.dumps(about), encoding="utf-8")


def _stack(vectors: Sequence[Vectors]) -> Vectors:
    return np.stack(vectors) if len(vectors) else np.zeros((0, 0), np.float32)


def read_about(shard: Path) -> dict[str, Any]:
    """Read what a shard says of itself: rows, known rows, omissions."""
    about: dict[str, Any] = json.loads((shard / ABOUT_FILE).read_text(encoding="utf-8"))
    return about


def iter_arrays(shards: Sequence[Path], name: str) -> Iterator[Any]:
    """Map an array of every shard that has rows, in their order."""
    for shard in shards:
        array = np.load(shard / name, mmap_mode="r")
        if len(array):
            yield array
