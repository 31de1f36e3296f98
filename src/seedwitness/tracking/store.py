"""MLflow's store: the one place that imports mlflow, and translates its errors.

A run of ours is found by the digest of what is in it (the tag ``seedwitness.content``), so that the
same content is never there twice. Everything that is logged can be logged again: what a run has
already is left as it is, so a run that a killed process left unfinished is filled up.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

# MLflow prints an address after each run.
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")

from mlflow import MlflowClient
from mlflow.entities import Dataset as Entity
from mlflow.entities import DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.entities import Run as Run  # for publishing, which imports no mlflow
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import (
    MLFLOW_DATASET_CONTEXT,
    MLFLOW_LOGGED_ARTIFACTS,
    MLFLOW_PARENT_RUN_ID,
)
from sqlalchemy.exc import SQLAlchemyError

from seedwitness.config.verdicts import TrackingSettings
from seedwitness.errors import ConfigError, TrackingError
from seedwitness.runtime.files import explain_write_errors, write_whole
from seedwitness.tracking.contents import Dataset

KIND, CONTENT = "seedwitness.kind", "seedwitness.content"
CURRENT, SUPERSEDED_BY = "seedwitness.current", "seedwitness.superseded_by"
PARENT = MLFLOW_PARENT_RUN_ID
FINISHED = "FINISHED"

# MLflow's own limits: metrics a call, parameters a call, characters of a parameter and of a digest.
METRICS, PARAMS = 1000, 100
LONGEST, DIGEST = 6000, 36

SQLITE, SQLITE_MAGIC = "sqlite:///", b"SQLite format 3\0"

# They tell of every table of a new database.
for _name in ("alembic", "mlflow.store.db.utils"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True)
class Store:
    """A connection to MLflow, and the experiment that holds our runs."""

    client: MlflowClient
    experiment: str


@contextmanager
def opened(settings: TrackingSettings) -> Iterator[Store]:
    """MLflow as ``settings`` name it; the experiment is made where there is none.

    Raises TrackingError where the store cannot be reached, is of another version, or fails inside
    the block.
    """
    try:
        if is_server(settings.uri):
            _reach(settings.uri)
        elif settings.uri.startswith(SQLITE):
            _look(Path(settings.uri.removeprefix(SQLITE)))
        with explain_write_errors(Path(settings.artifacts or ".")):
            client = MlflowClient(tracking_uri=located(settings.uri))
            yield Store(client, _experiment(client, settings))
    except (MlflowException, SQLAlchemyError) as error:
        first = str(error).strip().splitlines()[0]
        raise TrackingError(
            f"MLflow's store {settings.uri} failed: {first} All that is in it can be made again "
            "from the files: mend it or move it away, and run `dvc repro` again."
        ) from error


def located(uri: str) -> str:
    """A database's address from the root of the disk.

    MLflow keeps connections by address, so one seen from the working directory would stay the same
    after a change of directory.
    """
    if not uri.startswith(SQLITE):
        return uri
    return SQLITE + str(Path(uri.removeprefix(SQLITE)).absolute())


def is_server(uri: str) -> bool:
    """Whether MLflow is asked over HTTP, rather than its database written from here."""
    return urlsplit(uri).scheme in ("http", "https")


def begun(store: Store, kind: str, content: str, name: str, tags: Mapping[str, str]) -> Run:
    """The run of this content: the one that is there, finished rather than not, or a new one."""
    there = _search(store, f"tags.`{KIND}` = '{kind}' and tags.`{CONTENT}` = '{content}'")
    if there:
        return min(there, key=lambda run: (run.info.status != FINISHED, run.info.start_time))
    own = {KIND: kind, CONTENT: content, CURRENT: "yes"}
    return store.client.create_run(store.experiment, tags={**tags, **own}, run_name=name)


def current(store: Store) -> list[Run]:
    """The runs that say of themselves that they show what the files hold now."""
    return _search(store, f"tags.`{CURRENT}` = 'yes'")


def finished(run: Run) -> bool:
    """Whether all of a run has been logged."""
    return bool(run.info.status == FINISHED)


def finish(store: Store, run: Run) -> None:
    """Say that all of a run has been logged."""
    store.client.set_terminated(run.info.run_id, FINISHED)


def tag(store: Store, run: Run, tags: Mapping[str, str | None]) -> None:
    """Set the tags that differ; None takes one away."""
    there = run.data.tags
    changed = {key: value for key, value in tags.items() if there.get(key) != value}
    for key in [key for key, value in changed.items() if value is None]:
        store.client.delete_tag(run.info.run_id, key)
    new = [RunTag(key, value) for key, value in changed.items() if value is not None]
    store.client.log_batch(run.info.run_id, tags=new)


def log_params(store: Store, run: Run, params: Mapping[str, str]) -> None:
    """Log parameters; of one too long for MLflow the beginning, its length and its SHA-256."""
    entries = iter([Param(key, _short(value)) for key, value in params.items()])
    while part := list(islice(entries, PARAMS)):
        store.client.log_batch(run.info.run_id, params=part)


def log_scores(store: Store, run: Run, scores: Mapping[str, Iterable[tuple[int, float]]]) -> None:
    """Log the scores that the run has not: by metric, then by step, 1,000 a call.

    The time of each is the run's own beginning, so that a score logged again is the same score.
    Metric by metric is the order of the database's index, which takes them fastest.
    """
    begun_with = set(run.data.metrics)
    entries = (
        Metric(key, value, run.info.start_time, step)
        for key, values in scores.items()
        for step, value in _missing(store, run, key, values, key in begun_with)
    )
    with _uncollected():
        while part := list(islice(entries, METRICS)):
            store.client.log_batch(run.info.run_id, metrics=part)


def log_files(store: Store, run: Run, files: Mapping[str, Path]) -> None:
    """Log files as artifacts, each under its name; one that is there is written again."""
    for name, path in files.items():
        folder = PurePosixPath(name)
        if folder.name != path.name:
            raise ValueError(f"{path} would be published under another name than its own: {name}")
        where = None if folder.parent == PurePosixPath(".") else str(folder.parent)
        store.client.log_artifact(run.info.run_id, str(path), where)


def log_text(store: Store, run: Run, name: str, text: str) -> None:
    """Log a text as an artifact."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        write_whole(path, text)
        store.client.log_artifact(run.info.run_id, str(path))


def log_table(store: Store, run: Run, name: str, table: str) -> None:
    """Log a table (JSON, orient "split") as MLflow's ``load_table`` and its pages read one.

    MLflow's own ``log_table`` would append to what is there, and rounds to ten decimals.
    """
    log_text(store, run, name, table)
    tag(store, run, {MLFLOW_LOGGED_ARTIFACTS: json.dumps([{"path": name, "type": "table"}])})


def log_inputs(store: Store, run: Run, datasets: Iterable[Dataset]) -> None:
    """Log inputs as MLflow's datasets: 36 digits of a digest fit, the profile has all 64."""
    entries = [
        DatasetInput(
            Entity(
                name=each.name,
                digest=each.sha256[:DIGEST],
                source_type="local",
                source=json.dumps({"uri": each.place}),
                profile=json.dumps({"sha256": each.sha256, **each.profile}, ensure_ascii=False),
            ),
            [InputTag(MLFLOW_DATASET_CONTEXT, each.context)],
        )
        for each in datasets
    ]
    store.client.log_inputs(run.info.run_id, datasets=entries)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without Python's search for cycles, which costs 7 % of the time among so many objects."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def _experiment(client: MlflowClient, settings: TrackingSettings) -> str:
    there = client.get_experiment_by_name(settings.experiment)
    if is_server(settings.uri):
        return str(there.experiment_id if there else client.create_experiment(settings.experiment))
    place = settings.artifacts
    if not urlsplit(place).scheme:
        place = Path(place).resolve().as_uri()
    if there is None:
        return str(client.create_experiment(settings.experiment, artifact_location=place))
    if there.lifecycle_stage != "active":
        raise ConfigError(
            f"The experiment {settings.experiment} of {settings.uri} was deleted. Restore it there "
            "(`mlflow experiments restore`), or name another as `tracking.experiment`."
        )
    if there.artifact_location != place:
        raise ConfigError(
            f"The experiment {settings.experiment} of {settings.uri} keeps its files in "
            f"{there.artifact_location}, not in {place}, as `tracking.artifacts` says: MLflow "
            "cannot move them. Name another experiment as `tracking.experiment`, or move the store "
            "away: all that is in it is made again from the files."
        )
    return str(there.experiment_id)


def _search(store: Store, condition: str) -> list[Run]:
    found: list[Run] = []
    page: str | None = None
    while True:
        part = store.client.search_runs([store.experiment], condition, page_token=page)
        found += part
        page = part.token
        if not page:
            return found


def _missing(
    store: Store, run: Run, key: str, values: Iterable[tuple[int, float]], known: bool
) -> Iterator[tuple[int, float]]:
    if not known:
        yield from values
        return
    there = {each.step for each in store.client.get_metric_history(run.info.run_id, key)}
    yield from (each for each in values if each[0] not in there)


def _short(value: str) -> str:
    if len(value) <= LONGEST:
        return value
    end = f" … ({len(value)} characters, SHA-256 {sha256(value.encode()).hexdigest()})"
    return value[: LONGEST - len(end)] + end


def _look(path: Path) -> None:
    """Look at the database's file: MLflow itself would try for minutes to open another kind."""
    with explain_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size:
            with path.open("rb") as file:
                if file.read(len(SQLITE_MAGIC)) != SQLITE_MAGIC:
                    raise TrackingError(
                        f"{path} is no SQLite database. Move it away, or name another file as "
                        "`tracking.uri`."
                    )


def _reach(uri: str) -> None:
    """Ask once whether anybody listens there: MLflow itself would try for minutes."""
    parts = urlsplit(uri)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=5).close()
    except OSError as error:
        raise TrackingError(
            f"No MLflow server answers at {uri}: {error}. Start it, or write into a file instead: "
            "`seedwitness run tracking=local`."
        ) from error
