"""``seedwitness lookup``: looks a picture or a text up in a corpus of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from seedwitness.commands.lookup_result import LookupHit, LookupOptions, LookupResult
from seedwitness.config.inputs import ClipSettings, CorpusSettings
from seedwitness.config.reading import FILE_NAME, load_section
from seedwitness.config.steps import LookupSettings
from seedwitness.errors import ConfigError, PictureError
from seedwitness.records.corpus import CorpusRecord
from seedwitness.runtime.keyed_cache import ROOT
from seedwitness.stages import output_path

INDEX_FILE, ROWS_FILE = "corpus.json", "rows.parquet"
PREFILTERED_ROWS = 50_000
"""Rows from which a server answers from codes first, which take a while to make."""


@dataclass(frozen=True)
class _Query:
    """A picture with the bytes of its file, or a text."""

    text: str
    data: bytes | None
    image: Image.Image | None

    @property
    def kind(self) -> Literal["image", "text"]:
        return "text" if self.image is None else "image"


def run_lookup(query: str, options: LookupOptions) -> LookupResult:
    """Look up a picture, if ``query`` is the path of a file, or else a text.

    The corpus is an index, a folder of clip-retrieval, a folder or file of parquet, or the address
    of a server; without one, the project's own. Raises ConfigError if it is none of them.
    """
    asked = _read_query(query)
    corpus = options.corpus or str(output_path("index"))
    if _is_url(query) and _is_url(corpus):
        raise ConfigError(
            "A URL is looked up in tables, which a server does not give. To look up the picture "
            "behind it, fetch it first, and name its file."
        )
    if _is_url(query) and _is_index(Path(corpus)):
        rows = Path(corpus) / ROWS_FILE
        corpus = str(rows if rows.exists() else Path(corpus) / "metadata")
    modality = options.modality or asked.kind
    if _is_url(corpus):
        result = _ask_remote(asked, corpus, modality, options)
    elif _is_index(Path(corpus)):
        result = _search_index(asked, Path(corpus), modality, options)
    elif any(_list_tables(Path(corpus))):
        result = _search_tables(asked, Path(corpus), options)
    else:
        raise ConfigError(_explain_no_corpus(Path(corpus), options))
    return _fetch_pictures(result, asked, options) if options.fetch else result


def _read_query(query: str) -> _Query:
    from seedwitness.imaging.decoding import decode_image

    path = Path(query)
    try:
        is_file = path.is_file()
    except OSError:  # a text that is too long for a name
        is_file = False
    if is_file:
        return _Query(query, path.read_bytes(), decode_image(path))
    if not query.strip():
        raise ConfigError("There is nothing to look up: give a picture or a text.")
    if (
        not _is_url(query)
        and "/" in query
        and path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp")
    ):
        raise PictureError(f"There is no picture {query}.")
    return _Query(query, None, None)


def _is_url(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _is_index(path: Path) -> bool:
    return (path / INDEX_FILE).is_file() or any(
        (path / name).exists() for name in ("image.index", "img_emb")
    )


def _list_tables(path: Path) -> Sequence[Path]:
    if path.is_dir():
        return sorted(path.rglob("*.parquet"))[:1]
    return [path] if path.suffix == ".parquet" and path.is_file() else []


def _explain_no_corpus(path: Path, options: LookupOptions) -> str:
    if options.corpus is None:
        return (
            f"There is no index in {path}. `seedwitness run` builds that of this project; "
            "`--corpus` names another one: an index, a folder of clip-retrieval, parquet, or the "
            "address of a server."
        )
    if not path.exists():
        return f"There is no corpus {path}."
    return (
        f"{path} is no index, no folder of clip-retrieval, and has no parquet. Pictures are "
        f"indexed first: `seedwitness run corpus=image-folder corpus.path={path} …`, or "
        "corpus=webdataset for tars."
    )


@cache
def _load_embedder(folder: Path) -> Any:
    from seedwitness.corpus import Embedder
    from seedwitness.metrics.clip_score import load_clip
    from seedwitness.runtime.devices import default_device

    clip = load_clip(folder, default_device())
    return Embedder(clip.embed_images, clip.embed_texts, clip.info)


def load_embedder(clip: Path | None) -> Any:
    """Load the CLIP of the command line, or of the project. Raises ConfigError without either."""
    if clip is None and not Path(FILE_NAME).exists():
        raise ConfigError("There is no project here: name the CLIP model with --clip FOLDER.")
    return _load_embedder(clip or load_section(ClipSettings, "clip").path)


def open_corpus(path: Path, embedder: Any) -> Any:
    """Open an index, or a folder of clip-retrieval. Raises RecordError if it is damaged."""
    from seedwitness.corpus.index import load_index
    from seedwitness.corpus.opened_folder import open_folder

    is_own = (path / INDEX_FILE).is_file()
    return load_index(path, embedder) if is_own else open_folder(path, embedder)


def _load_settings(options: LookupOptions) -> LookupSettings:
    is_project = Path(FILE_NAME).exists()
    settings = load_section(LookupSettings, "lookup") if is_project else LookupSettings()
    changed = {} if options.neighbours is None else {"neighbours": options.neighbours}
    return settings.model_copy(update=changed)


def _search_index(
    asked: _Query, path: Path, modality: Literal["image", "text"], options: LookupOptions
) -> LookupResult:
    from seedwitness.corpus.embeddings import embed_pictures, embed_texts
    from seedwitness.corpus.hash_table import CopyLimits
    from seedwitness.corpus.image_hashes import hash_query
    from seedwitness.corpus.lookup import look_up, make_match_table

    embedder, settings = load_embedder(options.clip), _load_settings(options)
    index = open_corpus(path, embedder)
    describer, notes = _find_describer(index.record)
    hashed = None if asked.image is None else hash_query(asked.image, describer)
    # A query of the other kind is compared as a text is, by its vector alone.
    searched = index if modality == "text" else replace(index, text_index=index.image_index)
    image_vector, prompts = None, {}
    if asked.image is not None:
        vector = embed_pictures([asked.image], embedder.embed_images)[0]
        if modality == "image":
            image_vector = vector
        else:
            prompts = {asked.text: vector}
    else:
        prompts = {asked.text: embed_texts([asked.text], embedder.embed_texts)[0]}
    hits = look_up(
        searched,
        image_vector,
        prompts,
        neighbours=settings.neighbours,
        near_duplicate=settings.near_duplicate,
        hashed=hashed,
        limits=CopyLimits(settings.copy_pdq, settings.copy_descriptor),
    )
    sizes = dict.fromkeys(index.rows["caption"].iloc[[hit.row for hit in hits]], (0, 0.0))
    hashes = None if hashed is None else hashed.hashes
    table = make_match_table(index, hits, Path(), hashes, sizes)
    columns = [*LookupHit.model_fields.keys() & set(table.columns)]
    rows = table[columns].astype(object).where(table[columns].notna(), None).to_dict("records")
    return LookupResult(
        query=asked.text,
        query_kind=asked.kind,
        modality=modality,
        corpus=str(path),
        hits=[LookupHit.model_validate(row) for row in rows],
        index=index.record,
        notes=notes,
    )


def _find_describer(record: CorpusRecord) -> tuple[Any, list[str]]:
    """The project's copy descriptor, if it is that of the index; else a note."""
    from seedwitness.corpus.image_hashes import load_describer

    if not record.descriptor:
        return None, [
            "The index has no copy descriptor: crops are found only as far as CLIP finds them."
        ]
    weights = None
    if Path(FILE_NAME).exists():
        weights = load_section(CorpusSettings, "corpus").descriptor
    describer = load_describer(weights)
    if describer is None or describer.weights_sha256 != record.descriptor_sha256:
        return None, [
            f"The copy descriptor of the index, {record.descriptor}, is not that of this project: "
            "crops are found only as far as CLIP finds them."
        ]
    return describer, []


def _search_tables(asked: _Query, path: Path, options: LookupOptions) -> LookupResult:
    from seedwitness.corpus.table_search import TableQuery, hash_file, search_tables
    from seedwitness.metrics.phash import hash_image

    if asked.image is not None and asked.data is not None:
        query = TableQuery(file_hashes=hash_file(asked.data), phash=hash_image(asked.image))
    elif _is_url(asked.text):
        query = TableQuery(url=asked.text)
    else:
        query = TableQuery(text=asked.text)
    answer = search_tables(path, query, listed=_load_settings(options).neighbours)
    hits = [
        LookupHit(
            rank=rank,
            similarity=None,
            copy_by=", ".join(name for name in match.by if name in ("md5", "sha256")),
            phash_distance=match.phash_distance,
            caption=match.caption,
            location=f"{match.file}, row {match.row}",
            url=match.url,
        )
        for rank, match in enumerate(answer.matches, start=1)
    ]
    return LookupResult(
        query=asked.text,
        query_kind=asked.kind,
        modality="text",
        corpus=str(path),
        hits=hits,
        tables=answer.model_dump(mode="json") | {"share": answer.share},
        notes=["Captions, URLs and hashes were compared, no pictures: there are no vectors."],
    )


def _ask_remote(
    asked: _Query, server: str, modality: Literal["image", "text"], options: LookupOptions
) -> LookupResult:
    from seedwitness.corpus.remote import RemoteLimits, ask_server, list_indices, make_request

    limits = RemoteLimits(timeout=options.timeout)
    name, notes = options.index_name, []
    if name is None:
        try:
            name = list_indices(server, limits)[0]
        except (ConfigError, IndexError) as error:
            name = ""
            notes.append(f"The server's own default index was asked: {error}")
    request = make_request(
        text=asked.text if asked.image is None else None,
        image=asked.data,
        modality=modality,
        index_name=name,
        rows=_load_settings(options).neighbours,
    )
    answer = ask_server(server, request, limits, cache=ROOT / "remote")
    hits = [
        LookupHit(
            rank=rank,
            similarity=match.similarity,
            caption=match.caption,
            location=f"{name or 'index'}, row {match.id}",
            url=match.url,
        )
        for rank, match in enumerate(answer.matches, start=1)
    ]
    notes.append(
        "Its model, its recall and what it filters are the server's own and not known; it was "
        "asked to filter and deduplicate nothing."
    )
    return LookupResult(
        query=asked.text,
        query_kind=asked.kind,
        modality=modality,
        corpus=answer.server,
        hits=hits,
        remote=answer,
        notes=notes,
    )


def _fetch_pictures(result: LookupResult, asked: _Query, options: LookupOptions) -> LookupResult:
    """Fetch the pictures of hits by their URLs, and compare them with the query by hash."""
    from seedwitness.corpus.fetching import FetchLimits, fetch_picture
    from seedwitness.corpus.image_hashes import hash_corpus_image
    from seedwitness.imaging.perceptual_fingerprint import compute_hamming_distance as distance

    limits = FetchLimits(timeout=options.timeout, allow_private=options.allow_private)
    own = None if asked.image is None else hash_corpus_image(asked.image)
    hits = []
    for hit in result.hits:
        if not hit.url:
            hits.append(hit.model_copy(update={"picture": "no URL"}))
            continue
        try:
            hashes = hash_corpus_image(fetch_picture(hit.url, limits))
        except PictureError as error:
            hits.append(hit.model_copy(update={"picture": str(error)}))
            continue
        measured: dict[str, Any] = {"picture": "fetched"}
        if own is not None:
            measured["phash_distance"] = min(
                distance(each, hashes.phash) for each in (own.phash, own.phash_mirrored)
            )
            measured["pdq_distance"] = min(
                distance(each, hashes.fingerprint.pdq)
                for each in (own.fingerprint.pdq, own.pdq_mirrored)
            )
        hits.append(hit.model_copy(update=measured))
    return result.model_copy(update={"hits": hits})


def serve(options: LookupOptions, host: str, port: int) -> tuple[Any, str]:
    """Make a server of the read API over an index; returns it and what to tell a client."""
    import faiss

    from seedwitness.corpus.serving import LookupService, format_endpoints, make_server
    from seedwitness.corpus.vector_index import PrefilteredIndex

    path = Path(options.corpus or output_path("index"))
    if not _is_index(path):
        raise ConfigError(_explain_no_corpus(path, options))
    embedder = load_embedder(options.clip)
    index = open_corpus(path, embedder)
    fast = [
        PrefilteredIndex(each)
        if isinstance(each, faiss.IndexFlat) and each.ntotal >= PREFILTERED_ROWS
        else each
        for each in (index.image_index, index.text_index)
    ]
    name = options.index_name or path.resolve().name
    service = LookupService(name, replace(index, image_index=fast[0], text_index=fast[1]), embedder)
    server = make_server(service, host, port)
    return server, format_endpoints(host, server.server_address[1], [name])
