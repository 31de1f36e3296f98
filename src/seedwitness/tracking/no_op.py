"""Whether a state was published before, from the times of its files: without reading them.

A publication is remembered beside the project, and holds only while the store itself still has its
run: a store that was removed or replaced is filled again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from seedwitness.config.verdicts import TrackingSettings
from seedwitness.runtime.files import write_whole
from seedwitness.runtime.hashes import digest
from seedwitness.tracking.contents import hash_display_code, list_published_paths
from seedwitness.tracking.moved_project import follow_moved_project
from seedwitness.tracking.store_uri import SQLITE_SCHEME, is_server, make_uri_absolute

if TYPE_CHECKING:
    from seedwitness.tracking.publishing import Publication

MEMORY = Path(".seedwitness/published.json")
CONTENT_TAG = "seedwitness.content"
SECONDS = 5.0
QUERY = """
    select 1 from runs join tags on tags.run_uuid = runs.run_uuid
    join experiments on experiments.experiment_id = runs.experiment_id
    where tags.key = :key and tags.value = :content and runs.status = 'FINISHED'
    and runs.lifecycle_stage = 'active' and experiments.name = :experiment
"""


def is_published(settings: TrackingSettings) -> bool:
    """Whether no file has changed since the last publication, and the store still has its run."""
    if not MEMORY.is_file():
        return False
    memory = json.loads(MEMORY.read_text(encoding="utf-8"))
    if memory["files"] != _describe_files(settings):
        return False
    uri = make_uri_absolute(settings.uri)
    content: str = memory["content"]
    if is_server(uri):
        return _is_on_server(uri, settings, content)
    values = {"key": CONTENT_TAG, "content": content, "experiment": settings.experiment}
    if uri.startswith(SQLITE_SCHEME):
        return _is_in_file(Path(uri.removeprefix(SQLITE_SCHEME)), values)
    return _is_in_database(uri, values)


def publish_changes(settings: TrackingSettings) -> Publication | None:
    """Publish unless the same was published before; MLflow is imported only then.

    The store of a project that was moved gets its new addresses in any case.
    """
    follow_moved_project(settings)
    if is_published(settings):
        return None
    from seedwitness.tracking.publishing import publish

    return publish(settings)


def remember_publication(settings: TrackingSettings, content: str) -> None:
    """Record that the files, as they are now, were published as ``content``."""
    memory = {"files": _describe_files(settings), "content": content}
    write_whole(MEMORY, json.dumps(memory) + "\n")


def _describe_files(settings: TrackingSettings) -> str:
    """Digest of the paths, sizes and times of all published files, the code and the store."""
    files = [
        [path.as_posix(), path.stat().st_size, path.stat().st_mtime_ns]
        for path in _list_files(list_published_paths())
    ]
    return digest([files, hash_display_code(), settings.model_dump(mode="json")])


def _list_files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in inside if file.is_file())


def _is_in_file(database: Path, values: Mapping[str, str]) -> bool:
    if not database.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return connection.execute(QUERY, dict(values)).fetchone() is not None
    except sqlite3.Error:
        return False  # publishing finds out what is wrong, and says so


def _is_in_database(uri: str, values: Mapping[str, str]) -> bool:
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import SQLAlchemyError

    try:
        engine = create_engine(uri)
        with engine.connect() as connection:
            is_there = connection.execute(text(QUERY), dict(values)).first() is not None
        engine.dispose()
    except (SQLAlchemyError, ModuleNotFoundError):
        return False
    return is_there


def _is_on_server(uri: str, settings: TrackingSettings, content: str) -> bool:
    """The same by MLflow's REST interface, which needs no import of MLflow."""
    try:
        named = {"filter": f"name = '{settings.experiment}'", "max_results": 1}
        (experiment,) = _search(uri, "experiments", named)
        query = {
            "experiment_ids": [experiment["experiment_id"]],
            "filter": f"tags.`{CONTENT_TAG}` = '{content}' and attributes.status = 'FINISHED'",
            "max_results": 1,
        }
        return bool(_search(uri, "runs", query))
    except (OSError, ValueError):
        return False


def _search(uri: str, kind: str, query: Mapping[str, object]) -> list[dict[str, str]]:
    request = Request(
        f"{uri.rstrip('/')}/api/2.0/mlflow/{kind}/search",
        json.dumps(query).encode(),
        {"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=SECONDS) as answer:
        return list(json.load(answer).get(kind, []))
