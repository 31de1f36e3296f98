"""A store in a real PostgreSQL, written directly and through MLflow's server, beside SQLite."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks.shared.postgresql import find_programs, running_postgresql
from mlflow_server import running_server
from stored import CASES, assert_complete, reading, runs

from seedwitness.config.verdicts import TrackingSettings
from seedwitness.errors import TrackingError
from seedwitness.tracking import ui
from seedwitness.tracking.no_op import publish_changes
from seedwitness.tracking.publishing import publish

needs_postgresql = pytest.mark.skipif(
    find_programs() is None,
    reason="PostgreSQL's programs were not found, so no store was kept in it: install them "
    "(Debian: apt install postgresql) to run these",
)


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with running_postgresql() as uri:
        yield uri


def content(settings: TrackingSettings) -> dict[str, Any]:
    """All that a store shows of each run, but what is made anew: numbers, times and addresses."""
    client, shown = reading(settings), {}
    for run in runs(settings):
        tags = {
            key: value
            for key, value in run.data.tags.items()
            if not key.startswith("mlflow.") and key != "seedwitness.revision"
        }
        series = {
            key: sorted(
                (each.step, each.value) for each in client.get_metric_history(run.info.run_id, key)
            )
            for key in run.data.metrics
        }
        inputs = sorted(
            (each.dataset.name, each.dataset.digest, each.dataset.profile)
            for each in run.inputs.dataset_inputs
        )
        place = (run.data.tags["seedwitness.kind"], run.data.tags["seedwitness.content"])
        assert place not in shown
        shown[str(place)] = (run.info.status, tags, run.data.params, series, inputs)
    return shown


@needs_postgresql
def test_it_holds_what_sqlite_holds(
    tracking: TrackingSettings, database: str, tmp_path: Path
) -> None:
    publish(tracking)
    direct = TrackingSettings(uri=database)
    first = publish(direct)
    assert_complete(direct, tmp_path / "direct")
    assert content(direct) == content(tracking)
    assert len(content(direct)) == 1 + len(CASES) + 2
    again = publish(direct)
    assert (again.content, again.new_runs, again.trials) == (first.content, 0, 0)
    assert publish_changes(direct) is None  # by a question to the database
    with running_server(database, tmp_path / "files") as address:
        served = TrackingSettings(uri=address, artifacts="", experiment="served")
        publish(served)
        assert_complete(served, tmp_path / "served")
        assert content(served) == content(tracking)
        assert content(direct) == content(tracking)
    assert ui.format_page(direct, 5000).startswith("http://127.0.0.1:5000/#/experiments/")


def test_a_database_that_does_not_answer_is_reported_without_its_password(project: Path) -> None:
    uri = f"postgresql://me:secret@/mlflow?host={project}"
    with pytest.raises(TrackingError, match=r"me:\*\*\*@/mlflow.* cannot be opened") as raised:
        publish(TrackingSettings(uri=uri))
    assert "secret" not in str(raised.value)


def test_a_driver_that_is_missing_is_named(project: Path) -> None:
    assert project.exists()
    with pytest.raises(TrackingError, match=r"driver for postgresql\+pg8000.*is not installed"):
        publish(TrackingSettings(uri="postgresql+pg8000://me@localhost/mlflow"))
