"""A read API over an index, in the form of clip-retrieval's server, so that its client works here.

``POST /knn-service``, ``POST /metadata``, ``GET /indices-list``. Nothing is filtered, deduplicated
or weighted, whatever a request asks for; a header of every answer says so.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any

import numpy as np

from seedwitness.corpus import Embedder
from seedwitness.corpus.embeddings import Vectors, embed_pictures, embed_texts
from seedwitness.corpus.index import CorpusIndex
from seedwitness.corpus.lookup import find_nearest
from seedwitness.errors import SeedwitnessError
from seedwitness.imaging.decoding import decode_image_bytes

MAX_BODY_BYTES = 64 * 2**20
MAX_ROWS = 10_000
DEFAULT_ROWS = 100
NOT_FILTERED = ("X-Seedwitness-Filters", "none; deduplication, safety and aesthetics are ignored")


class RequestError(Exception):
    """A request that cannot be answered: the status, and a message for its sender."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class LookupService:
    """An index under a name, and the model of its vectors. Requests may come at the same time."""

    name: str
    index: CorpusIndex
    embedder: Embedder
    _model_lock: Lock = field(default_factory=Lock)

    def answer_knn(self, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Answer ``/knn-service``: the rows that are nearest to a text, a picture or a vector."""
        self._check_name(request)
        modality = request.get("modality") or "image"
        if modality not in ("image", "text"):
            raise RequestError(400, f"there is no modality {modality!r}: image or text")
        shown = _read_count(request, "num_images", DEFAULT_ROWS)
        count = _read_count(request, "num_result_ids", shown)
        vectors = self.index.image_index if modality == "image" else self.index.text_index
        found = find_nearest(vectors, self._embed(request), max(count, shown))
        answer = []
        for number, (row, similarity) in enumerate(found):
            about = self._describe(row) if number < shown else {}
            answer.append({**about, "id": row, "similarity": similarity})
        return answer

    def answer_metadata(self, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Answer ``/metadata``: what the index knows of rows by their number."""
        self._check_name(request)
        ids = request.get("ids")
        rows = len(self.index.rows)
        if not isinstance(ids, list) or not all(
            isinstance(each, int) and 0 <= each < rows for each in ids
        ):
            raise RequestError(400, f"`ids` must be a list of whole numbers from 0 to {rows - 1}")
        return [{"id": each, "metadata": self._describe(each)} for each in ids[:MAX_ROWS]]

    def list_indices(self) -> list[str]:
        """Answer ``/indices-list``."""
        return [self.name]

    def _describe(self, row: int) -> dict[str, Any]:
        about = self.index.rows.iloc[row]
        return {"caption": about["caption"], "url": about["url"], "image_path": about["file"]}

    def _check_name(self, request: Mapping[str, Any]) -> None:
        name = request.get("indice_name")
        if name not in (None, "", self.name):
            raise RequestError(404, f"there is no index {name!r}; there is {self.name!r}")

    def _embed(self, request: Mapping[str, Any]) -> Vectors:
        if text := request.get("text"):
            with self._model_lock:
                return _first(embed_texts([str(text)], self.embedder.embed_texts))
        if image := request.get("image"):
            try:
                data = base64.b64decode(str(image), validate=True)
            except binascii.Error as error:
                raise RequestError(400, f"`image` is not base64: {error}") from error
            picture = decode_image_bytes(data, "the picture of the request")
            with self._model_lock:
                return _first(embed_pictures([picture], self.embedder.embed_images))
        if (embedding := request.get("embedding_input")) is not None:
            return self._read_embedding(embedding)
        if request.get("image_url"):
            raise RequestError(400, "this server fetches no pictures: send `image` as base64")
        raise RequestError(400, "one of `text`, `image` and `embedding_input` is needed")

    def _read_embedding(self, embedding: object) -> Vectors:
        width = self.index.image_index.d
        try:
            vector = np.asarray(embedding, np.float32).reshape(-1)
        except (TypeError, ValueError) as error:
            raise RequestError(400, f"`embedding_input` is no list of numbers: {error}") from error
        if len(vector) != width or not np.isfinite(vector).all():
            raise RequestError(400, f"`embedding_input` must be {width} finite numbers")
        return vector


def _first(vectors: Vectors) -> Vectors:
    vector: Vectors = vectors[0]
    return vector


def _read_count(request: Mapping[str, Any], name: str, default: int) -> int:
    count = request.get(name)
    if count is None:
        return default
    if not isinstance(count, int) or not 0 < count <= MAX_ROWS:
        raise RequestError(400, f"`{name}` must be a whole number from 1 to {MAX_ROWS}")
    return count


def make_server(service: LookupService, host: str, port: int) -> ThreadingHTTPServer:
    """Make a server of the read API; ``serve_forever`` runs it. Port 0 takes any that is free."""
    posts: dict[str, Callable[[Mapping[str, Any]], object]] = {
        "/knn-service": service.answer_knn,
        "/metadata": service.answer_metadata,
    }

    class Handler(BaseHTTPRequestHandler):
        timeout = 60  # of a client that sends nothing

        def do_GET(self) -> None:
            if self.path == "/indices-list":
                self._send(200, service.list_indices())
            elif self.path == "/":
                self._send(200, "ok")
            else:
                self._send(404, {"message": f"there is no {self.path}"})

        def do_POST(self) -> None:
            try:
                self._send(200, self._answer())
            except RequestError as error:
                self._send(error.status, {"message": str(error)})
            except SeedwitnessError as error:
                self._send(400, {"message": str(error)})

        def _answer(self) -> object:
            if self.path not in posts:
                raise RequestError(404, f"there is no {self.path}")
            length = self.headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > MAX_BODY_BYTES:
                raise RequestError(413, f"a request has at most {MAX_BODY_BYTES:,} bytes")
            try:
                request = json.loads(self.rfile.read(int(length)))
            except (ValueError, RecursionError) as error:
                raise RequestError(400, f"the request is not JSON: {error}") from error
            if not isinstance(request, dict):
                raise RequestError(400, "the request is no JSON object")
            return posts[self.path](request)

        def _send(self, status: int, content: object) -> None:
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.send_header(*NOT_FILTERED)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass  # queries are nobody's business

    return ThreadingHTTPServer((host, port), Handler)


def format_endpoints(host: str, port: int, names: Sequence[str]) -> str:
    """What to tell a client."""
    return f"http://{host}:{port}/knn-service, index {', '.join(names)}"
