"""Writes many scores into a database of MLflow at once, as rows of MLflow's own tables.

MLflow's ``log_batch`` makes an object for each of at most 1,000 scores a call and looks each up
again: 0.1 ms a score, most of the time of a publication. A whole series is inserted here, with the
same content. A server is written to by ``log_batch``.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric
from sqlalchemy import Connection, Engine, create_engine, insert, select

ROWS = 5_000
"""Rows of one statement."""


@contextmanager
def connect(uri: str) -> Iterator[Engine]:
    """Connect to a database of MLflow during the block."""
    engine = create_engine(uri)
    try:
        yield engine
    finally:
        engine.dispose()


def insert_series(
    engine: Engine, run: str, timestamp: int, scores: Mapping[str, Iterable[tuple[int, float]]]
) -> None:
    """Insert the scores that a run lacks, metric by metric, each metric whole or not at all.

    Metric by metric is the order of the database's index, which is fastest.
    """
    for key, values in scores.items():
        with engine.begin() as connection:
            missing = _list_missing(connection, run, key, values)
            rows = ({**row, "timestamp": timestamp} for row in missing)
            last: dict[str, Any] | None = None
            while part := list(islice(rows, ROWS)):
                connection.execute(insert(SqlMetric.__table__), part)
                last = max([*part, *([last] if last else [])], key=lambda row: row["step"])
            if last:
                _set_latest(connection, last)


def _list_missing(
    connection: Connection, run: str, key: str, values: Iterable[tuple[int, float]]
) -> Iterator[dict[str, Any]]:
    metric = SqlMetric.__table__.c
    logged = select(metric.step).where(metric.run_uuid == run, metric.key == key)
    steps = set(connection.scalars(logged))
    for step, value in values:
        if step not in steps:
            yield {"run_uuid": run, "key": key, "step": step, **_format_value(value)}


def _set_latest(connection: Connection, row: Mapping[str, Any]) -> None:
    """Make a row the one that MLflow shows for the metric, unless one with a later step is it."""
    table = SqlLatestMetric.__table__
    here = (table.c.run_uuid == row["run_uuid"], table.c.key == row["key"])
    step = connection.scalar(select(table.c.step).where(*here))
    if step is None:
        connection.execute(insert(table), [dict(row)])
    elif step < row["step"]:
        connection.execute(table.update().where(*here), dict(row))


def _format_value(value: float) -> dict[str, Any]:
    """A score as MLflow keeps it: the largest float for infinity, and a mark for no number."""
    if math.isnan(value):
        return {"value": 0.0, "is_nan": True}
    largest = sys.float_info.max
    return {"value": min(max(value, -largest), largest), "is_nan": False}
