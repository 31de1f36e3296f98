"""Access MLflow's store: the only module that imports mlflow; it translates its errors.

A run is identified by the digest of its content (the tag ``seedwitness.content``), so the same
content is never stored twice. Every function can be repeated: what a run has already stays
unchanged, so a run that a killed process left unfinished is completed.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

# Otherwise MLflow prints a URL after each run.
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")

from filelock import FileLock, Timeout
from mlflow import MlflowClient
from mlflow.entities import Dataset as Entity
from mlflow.entities import DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.entities import Run as Run  # re-exported for publishing, which imports no mlflow
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import (
    MLFLOW_DATASET_CONTEXT,
    MLFLOW_PARENT_RUN_ID,
    MLFLOW_RUN_NOTE,
)
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from seedwitness.config.verdicts import TrackingSettings
from seedwitness.errors import ConfigError, TrackingError
from seedwitness.runtime.files import explain_write_errors
from seedwitness.runtime.workspace import find_project
from seedwitness.tracking.contents import InputDataset
from seedwitness.tracking.no_op import CONTENT_TAG
from seedwitness.tracking.score_rows import connect, insert_series
from seedwitness.tracking.store_tables import check_tables
from seedwitness.tracking.store_uri import (
    SQLITE_SCHEME,
    check_database,
    check_database_file,
    check_server,
    hide_password,
    is_server,
    make_uri_absolute,
    name_lock,
)
from seedwitness.tracking.view import VIEW_KEY, make_view

KIND_TAG = "seedwitness.kind"
SHARED_VIEW_TAG = "mlflow.sharedViewState"
PARENT_TAG = MLFLOW_PARENT_RUN_ID
FINISHED = "FINISHED"
PATIENCE_SECONDS = 600

# MLflow's limits: metrics and parameters per call, characters of a parameter and of a digest.
MAX_METRICS, MAX_PARAMS = 1000, 100
MAX_PARAM_LENGTH, MAX_DIGEST_LENGTH = 6000, 36

# These loggers report every table of a new database.
for _name in ("alembic", "mlflow.store.db.utils"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True)
class TrackingStore:
    """A connection to MLflow, and the experiment that holds the runs."""

    client: MlflowClient
    experiment: str
    database: Engine | None
    """The store's own tables; None behind a server."""


@contextmanager
def open_store(settings: TrackingSettings) -> Iterator[TrackingStore]:
    """Open the store of ``settings``; create the experiment if it does not exist.

    Raises TrackingError if the store cannot be reached, has another version, or fails within the
    block.
    """
    try:
        uri = make_uri_absolute(settings.uri)
        with _take_turn(settings.uri), explain_write_errors(Path(settings.artifacts or ".")):
            if not is_server(uri):
                check_tables(uri)
            client = MlflowClient(tracking_uri=uri)
            experiment = _get_or_create_experiment(client, settings)
            with nullcontext() if is_server(uri) else connect(uri) as database:
                yield TrackingStore(client, experiment, database)
    except (MlflowException, SQLAlchemyError) as error:
        raise TrackingError(_explain_failure(settings.uri, str(error).strip())) from error


def _explain_failure(uri: str, message: str) -> str:
    """One paragraph on a failure of the store, with the remedy."""
    first_line = message.splitlines()[0]
    if "database is locked" in message:
        remedy = "Another program holds it: end that one, and run the same command again."
    else:
        remedy = (
            "Repair the store or move it away, then run `seedwitness publish`: everything in it is "
            "rebuilt from the files."
        )
    return f"MLflow's store {hide_password(uri)} failed: {first_line} {remedy}"


@contextmanager
def _take_turn(uri: str) -> Iterator[None]:
    """Check that the store is one; a database file has one publisher at a time.

    MLflow creates the tables of a new file without regard to others that do the same.
    """
    if is_server(uri):
        check_server(uri)
    if not uri.startswith(SQLITE_SCHEME):
        if not is_server(uri):
            check_database(uri)
        yield
        return
    path = Path(make_uri_absolute(uri).removeprefix(SQLITE_SCHEME))
    check_database_file(path)
    try:
        with FileLock(name_lock(path), timeout=PATIENCE_SECONDS):
            yield
    except Timeout as error:
        raise TrackingError(
            f"Another process has published into {path} for {PATIENCE_SECONDS} seconds. Run "
            "`seedwitness publish` when it has ended."
        ) from error


def get_or_create_run(
    store: TrackingStore, kind: str, content: str, name: str, tags: Mapping[str, str]
) -> tuple[Run, bool]:
    """Return the run of this content, preferring a finished one, or create it; and if it is new."""
    existing = _search_runs(
        store, f"tags.`{KIND_TAG}` = '{kind}' and tags.`{CONTENT_TAG}` = '{content}'"
    )
    if existing:
        earliest = min(existing, key=lambda run: (run.info.status != FINISHED, run.info.start_time))
        return earliest, False
    own_tags = {KIND_TAG: kind, CONTENT_TAG: content}
    run = store.client.create_run(store.experiment, tags={**tags, **own_tags}, run_name=name)
    return run, True


def is_finished(run: Run) -> bool:
    """Whether a run has been logged completely."""
    return bool(run.info.status == FINISHED)


def finish_run(store: TrackingStore, run: Run) -> None:
    """Mark a run as logged completely."""
    store.client.set_terminated(run.info.run_id, FINISHED)


def set_tags(store: TrackingStore, run: Run, tags: Mapping[str, str]) -> None:
    """Set the tags that differ."""
    current = run.data.tags
    new = [RunTag(key, value) for key, value in tags.items() if current.get(key) != value]
    store.client.log_batch(run.info.run_id, tags=new)


def set_description(store: TrackingStore, run: Run, text: str) -> None:
    """Set the text that MLflow's page of a run shows, as Markdown."""
    store.client.set_tag(run.info.run_id, MLFLOW_RUN_NOTE, text)


def keep_view(store: TrackingStore) -> None:
    """Keep the columns of the table of runs, for the address that `seedwitness ui` prints."""
    key, view = f"{SHARED_VIEW_TAG}.{VIEW_KEY}", make_view()
    if store.client.get_experiment(store.experiment).tags.get(key) != view:
        store.client.set_experiment_tag(store.experiment, key, view)


def log_params(store: TrackingStore, run: Run, params: Mapping[str, str]) -> None:
    """Log parameters; one too long for MLflow is cut, with its length and its SHA-256."""
    entries = iter([Param(key, _shorten_param(value)) for key, value in params.items()])
    while part := list(islice(entries, MAX_PARAMS)):
        store.client.log_batch(run.info.run_id, params=part)


def log_scores(
    store: TrackingStore, run: Run, scores: Mapping[str, Iterable[tuple[int, float]]]
) -> None:
    """Log the scores that the run lacks: by metric, then by step.

    Their timestamp is the run's start, so a score logged again is the same score. A server takes
    1,000 a call.
    """
    if store.database is not None:
        insert_series(store.database, run.info.run_id, run.info.start_time, scores)
        return
    logged_keys = set(run.data.metrics)
    entries = (
        Metric(key, value, run.info.start_time, step)
        for key, values in scores.items()
        for step, value in _list_missing_scores(store, run, key, values, key in logged_keys)
    )
    while part := list(islice(entries, MAX_METRICS)):
        store.client.log_batch(run.info.run_id, metrics=part)


def log_inputs(store: TrackingStore, run: Run, datasets: Iterable[InputDataset]) -> None:
    """Log inputs as MLflow's datasets: a digest has room for 36 digits, the profile has all 64."""
    entries = [
        DatasetInput(
            Entity(
                name=dataset.name,
                digest=dataset.sha256[:MAX_DIGEST_LENGTH],
                source_type="local",
                source=json.dumps({"uri": dataset.path}),
                profile=json.dumps(
                    {"sha256": dataset.sha256, **dataset.profile}, ensure_ascii=False
                ),
            ),
            [InputTag(MLFLOW_DATASET_CONTEXT, dataset.context)],
        )
        for dataset in datasets
    ]
    store.client.log_inputs(run.info.run_id, datasets=entries)


def _get_or_create_experiment(client: MlflowClient, settings: TrackingSettings) -> str:
    existing = client.get_experiment_by_name(settings.experiment)
    if is_server(settings.uri):
        return str(
            existing.experiment_id if existing else client.create_experiment(settings.experiment)
        )
    artifact_uri, shown = settings.artifacts, hide_password(settings.uri)
    if not urlsplit(artifact_uri).scheme:
        artifact_uri = (find_project() / artifact_uri).resolve().as_uri()
    if existing is None:
        return str(client.create_experiment(settings.experiment, artifact_location=artifact_uri))
    if existing.lifecycle_stage != "active":
        raise ConfigError(
            f"The experiment {settings.experiment} of {shown} was deleted. Restore it "
            "(`mlflow experiments restore`), or set `tracking.experiment` to another name."
        )
    if existing.artifact_location != artifact_uri:
        raise ConfigError(
            f"The experiment {settings.experiment} of {shown} stores its files in "
            f"{existing.artifact_location}, not in {artifact_uri} as `tracking.artifacts` says, "
            "and MLflow cannot move them. Set `tracking.experiment` to another name, or move the "
            "store away: everything in it is rebuilt from the files."
        )
    return str(existing.experiment_id)


def _search_runs(store: TrackingStore, condition: str) -> list[Run]:
    runs: list[Run] = []
    page_token: str | None = None
    while True:
        page_runs = store.client.search_runs([store.experiment], condition, page_token=page_token)
        runs += page_runs
        page_token = page_runs.token
        if not page_token:
            return runs


def _list_missing_scores(
    store: TrackingStore, run: Run, key: str, values: Iterable[tuple[int, float]], has_scores: bool
) -> Iterator[tuple[int, float]]:
    if not has_scores:
        yield from values
        return
    logged_steps = {metric.step for metric in store.client.get_metric_history(run.info.run_id, key)}
    yield from ((step, value) for step, value in values if step not in logged_steps)


def _shorten_param(value: str) -> str:
    if len(value) <= MAX_PARAM_LENGTH:
        return value
    end = f" … ({len(value)} characters, SHA-256 {sha256(value.encode()).hexdigest()})"
    return value[: MAX_PARAM_LENGTH - len(end)] + end
