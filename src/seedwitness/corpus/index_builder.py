"""Index a folder of pictures with captions: embed, hash, and measure what is found again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seedwitness.corpus import ROWS, Embedder, Fingerprinter
from seedwitness.corpus.embeddings import Vectors, embed_pictures, embed_texts
from seedwitness.corpus.index import Index, digest_of
from seedwitness.corpus.recall import WHAT, degraded, known_items, recall_at_1
from seedwitness.errors import PictureError
from seedwitness.imaging.decoding import decode_image, pixel_hash
from seedwitness.imaging.image_folder import ImageEntry, read_entries
from seedwitness.records.corpus import CorpusRecord
from seedwitness.records.recipe import digest
from seedwitness.records.tables import typed_frame

KIND = "faiss IndexFlatIP: exact, by cosine"


def build(
    folder: Path, source: str, embedder: Embedder, fingerprint: Fingerprinter, *, batch: int
) -> Index:
    """The index of ``folder``, an ImageFolder: every line of its metadata.jsonl is one row.

    ``batch`` pictures are held in memory at a time; embeddings do not depend on it, within 1e-5.
    A picture that cannot be read is an error, never left out. Raises PictureError.
    """
    from tqdm import tqdm

    if not folder.is_dir():
        raise PictureError(
            f"There is no folder {folder}. Put the corpus there, pictures and metadata.jsonl, or "
            "name its folder as `corpus.path` in conf/."
        )
    listed = read_entries(folder)
    asked = known_items(len(listed))
    rows: list[dict[str, object]] = []
    images: list[Vectors] = []
    known: list[Vectors] = []
    with tqdm(total=len(listed), desc="index", unit="picture", disable=None) as bar:
        for part in _parts(listed, batch):
            pictures = [
                decode_image(
                    folder / entry.file_name,
                    "Put a whole picture in its place, or remove it together with its line in "
                    f"{folder / 'metadata.jsonl'}.",
                )
                for entry in part
            ]
            images.append(embed_pictures(pictures, embedder.images))
            again = [
                degraded(picture)
                for number, picture in enumerate(pictures, start=len(rows))
                if number in asked
            ]
            if again:
                known.append(embed_pictures(again, embedder.images))
            for entry, picture in zip(part, pictures, strict=True):
                pixels, hashes = pixel_hash(picture), fingerprint(picture)
                rows.append(
                    {
                        "id": digest([entry.file_name, entry.text, pixels])[:16],
                        "file": entry.file_name,
                        "caption": entry.text,
                        "pixels_sha256": pixels,
                        "phash": hashes.phash,
                        **hashes.fingerprint._asdict(),
                    }
                )
            bar.update(len(part))
    table = typed_frame(rows, ROWS)
    image_index = flat(np.concatenate(images))
    text_index = flat(embed_texts(table["caption"].tolist(), embedder.texts))
    about = CorpusRecord(
        source=source,
        rows=len(table),
        sha256=digest_of(table),
        model=embedder.model.name,
        model_sha256=embedder.sha256,
        model_label=embedder.model.label,
        index=KIND,
        recall_at_1=recall_at_1(
            image_index, np.concatenate(known), asked, table["pixels_sha256"].tolist()
        ),
        recall_n=len(asked),
        recall_what=WHAT,
    )
    return Index(image_index, text_index, table, about)


def flat(vectors: Vectors) -> Any:
    """An exact index by inner product over ``vectors`` [n, d]."""
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors))
    return index


def _parts(listed: Sequence[ImageEntry], batch: int) -> Iterator[Sequence[ImageEntry]]:
    for start in range(0, len(listed), batch):
        yield listed[start : start + batch]
