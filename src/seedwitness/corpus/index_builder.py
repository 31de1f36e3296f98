"""Index a corpus: embed and hash its parts in shards, join them, measure recall on known items."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from seedwitness.config.inputs import CorpusSettings
from seedwitness.corpus import CORPUS_ROWS, Describer, Embedder, ImageHasher
from seedwitness.corpus.hash_table import FILES
from seedwitness.corpus.index import (
    IMAGES_FILE,
    RECORD_FILE,
    ROWS_FILE,
    TEXTS_FILE,
    VECTORS_FOLDER,
    digest_rows,
)
from seedwitness.corpus.recall import (
    EXACT_QUERIES,
    GIVEN_METHOD,
    METHOD,
    measure_recall_at_1,
    measure_recall_at_10,
    select_known_items,
)
from seedwitness.corpus.shards import IMAGES_FILE as SHARD_IMAGES
from seedwitness.corpus.shards import (
    KNOWN_FILE,
    ShardTools,
    iter_arrays,
    make_shard,
    read_about,
)
from seedwitness.corpus.shards import ROWS_FILE as SHARD_ROWS
from seedwitness.corpus.shards import TEXTS_FILE as SHARD_TEXTS
from seedwitness.corpus.sources import list_parts
from seedwitness.corpus.vector_index import (
    FLAT_KIND,
    RescoredIndex,
    build_ivf,
    count_lists,
    describe_ivf,
)
from seedwitness.errors import PictureError, RecordError
from seedwitness.records.corpus import CorpusRecord
from seedwitness.records.tables import read_table, write_table
from seedwitness.runtime.files import replace_whole
from seedwitness.runtime.hashes import sha256_file


def build_index(
    corpus: CorpusSettings,
    embedder: Embedder,
    hash_image: ImageHasher,
    out: Path,
    *,
    batch_size: int,
    describer: Describer | None = None,
    work: Path | None = None,
) -> CorpusRecord:
    """Index a corpus into the folder ``out``, which is replaced atomically; returns its record.

    Every item of the source becomes one row; what cannot be used is counted in the record and
    named. Shards are kept in ``work`` until the index is complete, so a killed build continues;
    without it they are temporary. ``batch_size`` pictures are decoded at a time; embeddings are
    independent of it within 1e-5. Raises PictureError or RecordError if nothing can be indexed.
    """
    tools = ShardTools(embedder, hash_image, describer, batch_size)
    with _open_work(work) as folder:
        shards, omitted, examples = _make_shards(corpus, tools, folder)
        abouts = [read_about(shard) for shard in shards]
        rows = sum(about["rows"] for about in abouts)
        if not rows:
            seen = "; ".join(f"{reason}: {where}" for reason, where in examples.items())
            raise PictureError(
                f"Nothing in {corpus.path} can be indexed ({seen or 'it is empty'}). Mend the "
                "corpus, or name another one as `corpus.path`."
            )
        is_given = any(about["vectors_given"] for about in abouts)
        with replace_whole(out) as partial_folder:
            partial_folder.mkdir()
            (partial_folder / VECTORS_FOLDER).mkdir()
            table = pd.concat([read_table(shard / SHARD_ROWS, CORPUS_ROWS) for shard in shards])
            write_table(partial_folder / ROWS_FILE, table, CORPUS_ROWS)
            for name in FILES:
                _join_arrays(shards, name, partial_folder / VECTORS_FOLDER / name)
            index, kind, recall_at_10 = _index_vectors(corpus, shards, rows, partial_folder)
            known = select_known_items(rows)
            known_rows = [row for about in abouts for row in about["known_rows"]]
            vectors = np.concatenate(list(iter_arrays(shards, KNOWN_FILE)) or [np.zeros((0, 1))])
            is_selected = np.isin(known_rows, known)
            record = CorpusRecord(
                source=corpus.source,
                rows=rows,
                sha256=digest_rows(table),
                model=embedder.model.name,
                model_sha256=embedder.weights_sha256,
                model_label=embedder.model.label,
                index=kind,
                recall_at_1=measure_recall_at_1(
                    index,
                    vectors[is_selected],
                    [row for row in known_rows if row in known],
                    table["pixels_sha256"].tolist(),
                )
                if is_selected.any()
                else 0.0,
                recall_n=int(is_selected.sum()),
                recall_what=GIVEN_METHOD if is_given else METHOD,
                kind=corpus.kind,
                vectors_given=is_given,
                recall_at_10=recall_at_10(vectors[is_selected]) if recall_at_10 else None,
                probes=corpus.ivf.probes if recall_at_10 else None,
                rescored=corpus.ivf.rescored if recall_at_10 else None,
                descriptor=describer.name if describer and not is_given else "",
                descriptor_sha256=describer.weights_sha256 if describer and not is_given else "",
                descriptor_label=describer.label if describer and not is_given else "",
                omitted=dict(sorted(omitted.items())),
                omitted_examples=dict(sorted(examples.items())),
                files={
                    path.relative_to(partial_folder).as_posix(): sha256_file(path)
                    for path in sorted(partial_folder.rglob("*"))
                    if path.is_file()
                },
            )
            record.write(partial_folder / RECORD_FILE)
    if work is not None:
        shutil.rmtree(work, ignore_errors=True)
    return record


@contextmanager
def _open_work(work: Path | None) -> Iterator[Path]:
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
        yield work
        return
    with TemporaryDirectory(prefix="seedwitness-index-") as name:
        yield Path(name)


def _make_shards(
    corpus: CorpusSettings, tools: ShardTools, folder: Path
) -> tuple[list[Path], Counter[str], dict[str, str]]:
    """Make all shards; returns those with rows, and what was left out, with an example each."""
    from tqdm import tqdm

    shards: list[Path] = []
    omitted: Counter[str] = Counter()
    examples: dict[str, str] = {}
    rows, width = 0, 0
    with tqdm(desc="index", unit="row", disable=None) as progress:
        for part in list_parts(corpus.kind, corpus.path):
            shard = make_shard(part, rows, tools, folder, progress.update)
            about = read_about(shard)
            for reason, where, detail in about["omissions"]:
                omitted[reason] += 1
                examples.setdefault(reason, f"{where}: {detail}" if detail else where)
            if not about["rows"]:
                continue
            shard_width = np.load(shard / SHARD_IMAGES, mmap_mode="r").shape[1]
            width = width or shard_width
            if shard_width != width:
                omitted["bad-vector"] += about["rows"]
                examples.setdefault(
                    "bad-vector", f"{part.name}: of {shard_width} dimensions, others of {width}"
                )
                continue
            shards.append(shard)
            rows += about["rows"]
    return shards, omitted, examples


def _index_vectors(
    corpus: CorpusSettings, shards: Sequence[Path], rows: int, folder: Path
) -> tuple[Any, str, Any]:
    """Write the indexes of pictures and captions.

    Returns that of pictures, its description, and the function that measures its recall@10 by
    queries; None where the index is exact.
    """
    import faiss

    index: Any = None
    if rows <= corpus.exact_rows:
        for source, name in ((SHARD_TEXTS, TEXTS_FILE), (SHARD_IMAGES, IMAGES_FILE)):
            arrays = list(iter_arrays(shards, source))
            flat = faiss.IndexFlatIP(arrays[0].shape[1])
            for array in arrays:
                flat.add(np.ascontiguousarray(array))
            faiss.write_index(flat, str(folder / name))
            index = flat
        return index, FLAT_KIND, None
    vectors: Any = None
    for source, name in ((SHARD_TEXTS, TEXTS_FILE), (SHARD_IMAGES, IMAGES_FILE)):
        path = folder / VECTORS_FOLDER / f"{Path(name).stem}.npy"
        _join_arrays(shards, source, path, np.float16)
        vectors = np.load(path, mmap_mode="r")
        try:
            codes = build_ivf(vectors, corpus.ivf)
        except ValueError as error:
            raise RecordError(
                f"{corpus.path}: {error}. Set `corpus.ivf.code_bytes` to a divisor of half the "
                "dimensions, or raise `corpus.exact_rows`."
            ) from error
        faiss.write_index(codes, str(folder / name))
        index = RescoredIndex(codes, vectors, corpus.ivf)
    return (
        index,
        describe_ivf(corpus.ivf, count_lists(rows, corpus.ivf)),
        lambda queries: measure_recall_at_10(index, vectors, queries[:EXACT_QUERIES]),
    )


def _join_arrays(
    shards: Sequence[Path], name: str, path: Path, dtype: type[np.generic] | None = None
) -> None:
    """Join an array of all shards into one file, without more than a shard in memory."""
    arrays = list(iter_arrays(shards, name))
    shape = (sum(map(len, arrays)), arrays[0].shape[1])
    if 0 in shape:  # which cannot be mapped
        np.save(path, np.zeros(shape, dtype or arrays[0].dtype))
        return
    joined = np.lib.format.open_memmap(path, mode="w+", dtype=dtype or arrays[0].dtype, shape=shape)
    start = 0
    for array in arrays:
        joined[start : start + len(array)] = array
        start += len(array)
    joined.flush()
