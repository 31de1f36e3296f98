"""Ask a server of clip-retrieval: filters and deduplication off, and the request on record.

Its own client deduplicates by default, although many copies are what predicts memorisation; safety
filters drop rows in silence, and an aesthetic weight moves the query. All of them are off here.
Whatever the server does, the answer says plainly what happened: an answer, or that there was none.
"""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any, Literal
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from seedwitness.errors import ConfigError
from seedwitness.records.corpus import RemoteAnswer, RemoteMatch
from seedwitness.runtime.files import write_whole
from seedwitness.runtime.hashes import digest

KNN_PATH, INDICES_PATH = "/knn-service", "/indices-list"
PIECE_BYTES = 65_536
RETRIED = frozenset(("no-connection", "timeout", "http-429", "http-500", "http-502", "http-503"))
MAX_WAIT = 30.0


@dataclass(frozen=True)
class RemoteLimits:
    """How long and how often a server is asked, and how much of its answer is read."""

    timeout: float = 30.0
    """Seconds for a whole try, however slowly the answer comes."""
    tries: int = 3
    first_wait: float = 1.0
    """Seconds before the second try; doubled before each further one."""
    max_bytes: int = 64 * 2**20
    max_rows: int = 10_000


class _Failure(Exception):
    """Why a try gave no answer: a code, a detail, and how long the server asks to wait."""

    def __init__(self, code: str, detail: str, wait: float | None = None) -> None:
        super().__init__(detail)
        self.code, self.detail, self.wait = code, detail, wait


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def make_request(
    *,
    text: str | None = None,
    image: bytes | None = None,
    embedding: list[float] | None = None,
    modality: Literal["image", "text"],
    index_name: str,
    rows: int,
) -> dict[str, Any]:
    """Make the body of a request to ``/knn-service``, with everything off that drops rows."""
    return {
        "text": text,
        "image": None if image is None else base64.b64encode(image).decode(),
        "image_url": None,
        "embedding_input": embedding,
        "modality": modality,
        "indice_name": index_name,
        "num_images": rows,
        "num_result_ids": rows,
        "use_mclip": False,
        "deduplicate": False,
        "use_safety_model": False,
        "use_violence_detector": False,
        "aesthetic_score": None,
        "aesthetic_weight": 0,
    }


def ask_server(
    server: str,
    request: Mapping[str, Any],
    limits: RemoteLimits = RemoteLimits(),
    cache: Path | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> RemoteAnswer:
    """Ask a server, again after a pause where that may help; never raises for what it does.

    An answer is kept in ``cache``, by the server and the whole request, and served from there.
    Raises ConfigError if ``server`` is no address.
    """
    base = check_address(server)
    key = digest([base, dict(request), limits.max_rows])
    path = cache / f"{key}.json" if cache else None
    if path is not None and path.exists():
        return RemoteAnswer.model_validate_json(path.read_bytes())
    body = json.dumps(request).encode()
    started = time.monotonic()
    failure = _Failure("no-connection", "it was not asked")
    tries = 0
    while tries < limits.tries:
        tries += 1
        try:
            data = _read(base + KNN_PATH, body, limits)
            matches, dropped = _read_matches(data, limits.max_rows)
        except _Failure as error:
            failure = error
            if error.code not in RETRIED or tries == limits.tries:
                break
            wait = limits.first_wait * 2 ** (tries - 1)
            sleep(min(MAX_WAIT, wait if error.wait is None else error.wait))
            continue
        answer = _make_answer(base, request, tries, started, matches=matches, dropped=dropped)
        if path is not None:
            write_whole(path, answer.to_json())
        return answer
    return _make_answer(base, request, tries, started, failure=failure.code, detail=failure.detail)


def list_indices(server: str, limits: RemoteLimits = RemoteLimits()) -> list[str]:
    """The names of the indexes that a server has. Raises ConfigError if it does not say."""
    base = check_address(server)
    try:
        data = _read(base + INDICES_PATH, None, limits)
        names = _parse(data)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise _Failure("not-as-expected", "the list of indexes is no list of names")
    except _Failure as error:
        raise ConfigError(
            f"{base} does not list its indexes: {error.code}, {error.detail}. Name one with "
            "`--index`, or try again later."
        ) from error
    return names


def check_address(server: str) -> str:
    """The address of a server without its path. Raises ConfigError for anything else."""
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"{server} is no address of a server, such as http://127.0.0.1:1234.")
    return server.rstrip("/").removesuffix(KNN_PATH)


def _read(url: str, body: bytes | None, limits: RemoteLimits) -> bytes:
    """Read an answer whole, within the time and size limits. Raises _Failure.

    In a thread of its own, because a server that sends a byte now and then keeps every single
    operation within its time-out, and the whole without end.
    """
    results: list[bytes | _Failure] = []

    def read() -> None:
        try:
            results.append(_read_now(url, body, limits))
        except _Failure as error:
            results.append(error)

    thread = Thread(target=read, daemon=True)
    thread.start()
    thread.join(limits.timeout)
    if not results:
        raise _Failure("timeout", f"the answer was not complete after {limits.timeout:g} s")
    if isinstance(results[0], _Failure):
        raise results[0]
    return results[0]


def _read_now(url: str, body: bytes | None, limits: RemoteLimits) -> bytes:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    end = time.monotonic() + limits.timeout
    try:
        opened = build_opener(_NoRedirects).open(
            Request(url, body, headers), timeout=limits.timeout
        )
        with opened as response:
            pieces, size = [], 0
            while piece := response.read1(PIECE_BYTES):
                size += len(piece)
                if size > limits.max_bytes:
                    raise _Failure(
                        "too-large", f"the answer has more than {limits.max_bytes:,} bytes"
                    )
                if time.monotonic() > end:
                    raise _Failure(
                        "timeout", f"the answer was not complete after {limits.timeout:g} s"
                    )
                pieces.append(piece)
            return b"".join(pieces)
    except HTTPError as error:
        with error:
            wait = error.headers.get("Retry-After", "")
        detail = f"the server answered {error.code} {error.reason}"
        raise _Failure(
            f"http-{error.code}", detail, float(wait) if wait.isdigit() else None
        ) from error
    except TimeoutError as error:
        raise _Failure("timeout", f"no answer within {limits.timeout:g} s") from error
    except (URLError, http.client.HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            raise _Failure("timeout", f"no answer within {limits.timeout:g} s") from error
        text = str(reason) or type(error).__name__
        raise _Failure("no-connection", f"the connection failed: {text}") from error


def _parse(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        if not data:
            raise _Failure("empty", "the answer is empty") from error
        start = data[:60].decode("utf-8", "replace")
        raise _Failure("not-json", f"the answer is not JSON; it begins with {start!r}") from error


def _read_matches(data: bytes, max_rows: int) -> tuple[list[RemoteMatch], dict[str, int]]:
    """The rows of an answer as far as they can be used, and what was left out, by reason."""
    rows = _parse(data)
    if not isinstance(rows, list):
        detail = rows.get("message") if isinstance(rows, dict) else None
        raise _Failure("not-as-expected", str(detail or "the answer is no list of rows"))
    matches: list[RemoteMatch] = []
    dropped: dict[str, int] = {}
    for row in rows[:max_rows]:
        similarity = row.get("similarity") if isinstance(row, dict) else None
        if not isinstance(similarity, int | float) or not abs(similarity) < float("inf"):
            dropped["no-similarity"] = dropped.get("no-similarity", 0) + 1
            continue
        matches.append(
            RemoteMatch(
                id=str(row.get("id", "")),
                similarity=float(similarity),
                caption=str(row.get("caption") or ""),
                url=str(row.get("url") or ""),
            )
        )
    if len(rows) > max_rows:
        dropped["more-than-asked"] = len(rows) - max_rows
    return matches, dropped


def _make_answer(
    base: str, request: Mapping[str, Any], tries: int, started: float, **values: Any
) -> RemoteAnswer:
    image = request.get("image")
    recorded = dict(request)
    if image is not None:
        recorded["image"] = f"{len(image)} characters of base64, SHA-256 {digest(image)}"
    return RemoteAnswer(
        server=base,
        request=recorded,
        answered_at=datetime.now(UTC).isoformat(timespec="seconds"),
        tries=tries,
        seconds=round(time.monotonic() - started, 3),
        **values,
    )
