"""MLflow's store, read by MLflow's own client, compared with the files that were published."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
import yaml
from stored import CASES, assert_complete, reading, runs

from seedwitness.config.params import load_params
from seedwitness.config.verdicts import TrackingSettings
from seedwitness.errors import ConfigError, RecordError, TrackingError
from seedwitness.records.tables import SCORES, read_table, write_table
from seedwitness.runtime.code_graph import code_files, hash_code
from seedwitness.stages import publish as stage
from seedwitness.tracking import contents, store
from seedwitness.tracking.publishing import publish

COUNTED = ("runs", "metrics", "latest_metrics", "params", "tags", "datasets", "inputs")


def rows(path: Path) -> dict[str, list[Any]]:
    """Read all rows of the database, without MLflow's bookkeeping."""
    with closing(sqlite3.connect(path)) as database:
        return {
            table: sorted(database.execute(f"select * from {table}").fetchall(), key=repr)
            for table in COUNTED
        }


def tree(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_the_store_shows_what_the_files_hold(tracking: TrackingSettings, tmp_path: Path) -> None:
    published = publish(tracking)
    assert_complete(tracking, tmp_path / "down")
    assert {name: case.trials for name, case in published.cases.items()} == {
        f"{target}/{checkpoint}": 6 for target, checkpoint in CASES
    }
    (parent,) = runs(tracking, kind="pipeline")
    client = reading(tracking)
    report_path = client.download_artifacts(parent.info.run_id, "reports/owl/report.html")
    assert Path(report_path).read_text() == Path("reports/owl/report.html").read_text()
    params_path = client.download_artifacts(parent.info.run_id, "params.yaml")
    assert load_params(Path(params_path)) == load_params()
    assert parent.data.params["targets.owl.path"] == "data/targets/owl.png"
    assert {entry.dataset.name for entry in parent.inputs.dataset_inputs} == {
        "target owl",
        "target fish",
        "corpus",
        "controls of tuned",
        "controls of clean",
    }


def test_mlflow_reads_the_table_itself(tracking: TrackingSettings) -> None:
    publish(tracking)
    (run, *_) = runs(tracking, kind="case", target="owl", checkpoint="tuned")
    client = reading(tracking)
    table = client.load_table(run.info.experiment_id, "trials.json", [run.info.run_id], ["run_id"])
    assert len(table) == 6
    assert set(table["run_id"]) == {run.info.run_id}


def test_a_second_publish_adds_nothing(tracking: TrackingSettings) -> None:
    first = publish(tracking)
    before, files = rows(Path("mlflow.db")), tree(Path("mlartifacts"))
    assert publish(tracking) == first
    assert rows(Path("mlflow.db")) == before
    assert tree(Path("mlartifacts")) == files


def test_another_store_and_another_folder_give_the_same_bytes(
    tracking: TrackingSettings,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage.run()
    written = Path("data/publish/published.json").read_bytes()
    other = tmp_path_factory.mktemp("elsewhere") / "project"
    shutil.copytree(Path.cwd(), other, ignore=shutil.ignore_patterns("mlartifacts", "publish"))
    monkeypatch.chdir(other)
    parameters = yaml.safe_load(Path("params.yaml").read_text())
    parameters["tracking"]["experiment"] = "another"
    Path("params.yaml").write_text(yaml.safe_dump(parameters))
    # Durations are not hashed.
    Path("data/timings/owl/tuned/timing.json").write_text('{"seconds": 99}')
    stage.run()
    assert Path("data/publish/published.json").read_bytes() == written
    assert len(runs(TrackingSettings(experiment="another"), kind="case")) == len(CASES)


def test_a_change_of_the_display_code_publishes_anew(
    tracking: TrackingSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = publish(tracking)
    monkeypatch.setattr(contents, "hash_code", lambda *modules: "other code")
    second = publish(tracking)
    assert second.content != first.content
    assert all(second.cases[name].content != case.content for name, case in first.cases.items())
    assert_complete(tracking, tmp_path / "down")
    assert len(runs(tracking, current="no")) == 1 + len(CASES)


def test_the_display_code_includes_all_modules_that_publish() -> None:
    names = ("case_tables", "contents", "publishing", "store")
    paths = {f"seedwitness/tracking/{name}.py" for name in names}
    assert paths <= code_files("seedwitness.tracking.publishing").keys()
    assert contents.hash_display_code() == hash_code("seedwitness.tracking.publishing")


def test_a_changed_case_is_a_new_run_and_the_old_one_stays(
    tracking: TrackingSettings, projects: ModuleType, tmp_path: Path
) -> None:
    publish(tracking)
    before = {run.info.run_id: run for run in runs(tracking)}
    projects.write_case(Path(), "owl", "tuned", 8, projects.METRICS, 2)
    published = publish(tracking)
    assert_complete(tracking, tmp_path / "down")
    after = {run.info.run_id: run for run in runs(tracking)}
    new = [run for name, run in after.items() if name not in before]
    assert sorted(run.data.tags["seedwitness.kind"] for run in new) == ["case", "pipeline"]
    (old,) = runs(tracking, kind="case", current="no")
    assert old.data.tags["seedwitness.superseded_by"] == published.cases["owl/tuned"].content
    assert len(before[old.info.run_id].data.metrics) == len(old.data.metrics)
    (state,) = runs(tracking, kind="pipeline", current="no")
    assert old.data.tags["mlflow.parentRunId"] == state.info.run_id


def test_restored_files_create_no_run(
    tracking: TrackingSettings, projects: ModuleType, tmp_path: Path
) -> None:
    projects.write_case(Path(), "owl", "tuned", 8, projects.METRICS, 2)
    publish(tracking)
    projects.write_case(Path(), "owl", "tuned", 6, projects.METRICS, 1)
    publish(tracking)
    both = {run.info.run_id for run in runs(tracking)}
    projects.write_case(Path(), "owl", "tuned", 8, projects.METRICS, 2)
    publish(tracking)
    assert {run.info.run_id for run in runs(tracking)} == both
    assert_complete(tracking, tmp_path / "down")
    assert all(
        "seedwitness.superseded_by" not in run.data.tags for run in runs(tracking, current="yes")
    )


def test_the_runs_of_a_removed_target_are_superseded(tracking: TrackingSettings) -> None:
    publish(tracking)
    parameters = yaml.safe_load(Path("params.yaml").read_text())
    del parameters["targets"]["fish"]
    Path("params.yaml").write_text(yaml.safe_dump(parameters))
    published = publish(tracking)
    gone = runs(tracking, kind="case", current="no")
    assert [run.data.tags["seedwitness.target"] for run in gone] == ["fish", "fish"]
    assert {run.data.tags["seedwitness.superseded_by"] for run in gone} == {published.content}


def test_a_killed_publication_is_completed(
    tracking: TrackingSettings, projects: ModuleType, tmp_path: Path
) -> None:
    for target, checkpoint in CASES:
        projects.write_case(Path(), target, checkpoint, 400, projects.METRICS, 1)
    script = "from seedwitness.stages import publish; publish.run()"
    process = subprocess.Popen([sys.executable, "-c", script])
    with closing(sqlite3.connect("mlflow.db", timeout=60)) as database:
        # In the middle of the second case: one is complete, one is not, two have not begun.
        while database.execute("select count(distinct run_uuid) from metrics").fetchone()[0] < 2:
            assert process.poll() is None
            time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    unfinished = runs(tracking)
    assert sorted(run.info.status for run in unfinished) == ["FINISHED", "RUNNING", "RUNNING"]
    publish(tracking)
    assert_complete(tracking, tmp_path / "down")
    assert len(runs(tracking)) == 1 + len(CASES)
    assert {run.info.run_id for run in unfinished} <= {run.info.run_id for run in runs(tracking)}


def test_a_file_that_is_no_database(tracking: TrackingSettings) -> None:
    Path("mlflow.db").write_text("not one\n" * 9)
    with pytest.raises(TrackingError, match="not an SQLite database"):
        publish(tracking)


def test_a_database_of_another_version(tracking: TrackingSettings) -> None:
    with closing(sqlite3.connect("mlflow.db")) as database:
        database.execute("update alembic_version set version_num = '90e64c465722'")
        database.commit()
    with pytest.raises(TrackingError, match=r"mlflow.db failed: .*out-of-date.*move it away"):
        publish(tracking)


def test_artifacts_cannot_move(tracking: TrackingSettings) -> None:
    publish(tracking)
    with pytest.raises(ConfigError, match="stores its files in"):
        publish(tracking.model_copy(update={"artifacts": "elsewhere"}))


@pytest.mark.parametrize(
    "path",
    [
        "data/search/owl/tuned/trials.parquet",
        "data/score/owl/tuned/reference.parquet",
        "data/judge/owl/tuned/finding.json",
        "data/controls/clean/controls.parquet",
        "data/index/corpus.json",
        "data/prepare/fish/target.json",
    ],
)
def test_a_missing_file_is_named(tracking: TrackingSettings, path: str) -> None:
    Path(path).unlink()
    with pytest.raises(RecordError, match=path):
        publish(tracking)


def test_a_duplicate_score_is_refused(tracking: TrackingSettings) -> None:
    path = Path("data/score/owl/tuned/scores.parquet")
    scores = read_table(path, SCORES)
    write_table(path, pd.concat([scores, scores.tail(1)]), SCORES)
    with pytest.raises(RecordError, match="twice"):
        publish(tracking)


def test_a_long_parameter_keeps_its_beginning_and_its_hash(tracking: TrackingSettings) -> None:
    parameters = yaml.safe_load(Path("params.yaml").read_text())
    caption = "<b>a caption</b>\n" * 600
    parameters["targets"]["owl"]["caption"] = caption
    Path("params.yaml").write_text(yaml.safe_dump(parameters))
    publish(tracking)
    (run,) = runs(tracking, kind="pipeline")
    logged = run.data.params["targets.owl.caption"]
    assert len(logged) <= 6000
    assert logged.startswith(caption[:5800])
    assert "10200 characters, SHA-256 " in logged


def test_more_scores_than_one_call_takes(tracking: TrackingSettings) -> None:
    with store.open_store(tracking) as tracking_store:
        run = store.get_or_create_run(tracking_store, "case", "x", "x", {})
        scores = {"a": [(step, step / 7) for step in range(2300)], "b": [(0, 1.0)]}
        store.log_scores(tracking_store, run, {"a": scores["a"][:900]})
        again = store.get_or_create_run(tracking_store, "case", "x", "x", {})
        assert again.info.run_id == run.info.run_id
        store.log_scores(tracking_store, again, scores)
        history = tracking_store.client.get_metric_history(run.info.run_id, "a")
        assert sorted((metric.step, metric.value) for metric in history) == scores["a"]
