"""MLflow's store, read by MLflow's own client, compared with the files that were published."""

import os
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
from filelock import FileLock
from stored import CASES, assert_complete, reading, runs

from seedwitness.config.params import load_params
from seedwitness.config.verdicts import TrackingSettings
from seedwitness.errors import ConfigError, RecordError, TrackingError
from seedwitness.records.tables import SCORES, read_table, write_table
from seedwitness.runtime.code_graph import code_files, hash_code
from seedwitness.tracking import contents, store, ui
from seedwitness.tracking.no_op import publish_changes
from seedwitness.tracking.publishing import publish

RUNS = 1 + len(CASES) + 2
"""The state, every case, and the controls of both checkpoints."""
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
    controls = 2 * 104
    assert (published.new_runs, published.trials) == (RUNS, 6 * len(CASES) + controls)
    (parent,) = runs(tracking, kind="pipeline")
    client = reading(tracking)
    report_path = client.download_artifacts(parent.info.run_id, "reports/owl/report.html")
    assert Path(report_path).read_text() == Path("reports/owl/report.html").read_text()
    params_path = client.download_artifacts(parent.info.run_id, "params.yaml")
    assert load_params(Path(params_path)) == load_params()
    path = load_params().checkpoints["tuned"].path
    assert parent.data.params["checkpoints.tuned.path"] == str(path)
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
    again = publish(tracking)
    assert (again.content, again.new_runs, again.trials) == (first.content, 0, 0)
    assert rows(Path("mlflow.db")) == before
    assert tree(Path("mlartifacts")) == files


def test_another_store_and_another_folder_give_the_same_bytes(
    tracking: TrackingSettings,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = publish(tracking).content
    other = tmp_path_factory.mktemp("elsewhere") / "project"
    shutil.copytree(Path.cwd(), other, ignore=shutil.ignore_patterns("mlartifacts", "publish"))
    monkeypatch.chdir(other)
    parameters = yaml.safe_load(Path("params.yaml").read_text())
    parameters["tracking"]["experiment"] = "another"
    Path("params.yaml").write_text(yaml.safe_dump(parameters))
    # Durations are not hashed.
    Path("data/timings/owl/tuned/timing.json").write_text('{"seconds": 99}')
    assert publish(TrackingSettings(experiment="another")).content == written
    assert len(runs(TrackingSettings(experiment="another"), kind="case")) == len(CASES)


def test_a_change_of_the_display_code_publishes_anew(
    tracking: TrackingSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = publish(tracking)
    monkeypatch.setattr(contents, "hash_code", lambda *modules: "other code")
    second = publish(tracking)
    assert second.content != first.content
    assert second.new_runs == RUNS
    assert_complete(tracking, tmp_path / "down")
    assert len(runs(tracking)) == 2 * RUNS


def test_the_display_code_includes_all_modules_that_publish() -> None:
    names = ("artifacts", "beside", "case_tables", "contents", "publishing", "score_rows", "store")
    paths = {f"seedwitness/tracking/{name}.py" for name in (*names, "view")}
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
    assert published.new_runs == 2
    # History is not moved: nothing of an earlier run has changed, its parent included.
    for name, run in before.items():
        assert after[name].data.tags == run.data.tags
        assert after[name].data.metrics == run.data.metrics


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


def test_the_runs_of_a_removed_target_stay_as_they_are(tracking: TrackingSettings) -> None:
    publish(tracking)
    before = {run.info.run_id: run.data.tags for run in runs(tracking)}
    shutil.rmtree("data/targets/fish")
    published = publish(tracking)
    assert published.new_runs == 1
    after = {run.info.run_id: run.data.tags for run in runs(tracking)}
    assert {name: after[name] for name in before} == before
    (state,) = runs(tracking, content=published.content)
    assert "fish" not in state.data.tags["mlflow.note.content"]


def test_an_experiment_is_published_into_the_store_of_its_project(
    tracking: TrackingSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Path.cwd()
    workspace = project / ".dvc/tmp/exps/tmp1"
    shutil.copytree(project, workspace, ignore=shutil.ignore_patterns("mlflow.db", ".dvc"))
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("DVC_EXP_NAME", "looser")
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "b" * 40)
    published = publish(tracking)
    assert not (workspace / "mlflow.db").exists()
    monkeypatch.chdir(project)
    (run,) = runs(tracking, kind="pipeline", experiment="looser")
    assert run.data.tags["seedwitness.revision"] == "b" * 40
    assert run.info.run_name == f"looser {published.content[:8]}"


def test_nothing_to_do_is_seen_without_reading_a_file(
    tracking: TrackingSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert publish_changes(tracking) is not None
    with monkeypatch.context() as patch:
        patch.setattr(contents, "sha256_file", None)
        assert publish_changes(tracking) is None
    comparison = Path("reports/compare/index.html")  # no stage wrote it, and no run has it
    comparison.parent.mkdir()
    comparison.write_text("a comparison")
    assert publish_changes(tracking) is None
    os.utime("reports/owl/report.html", (0, 0))
    command = [Path(sys.executable).with_name("seedwitness"), "publish"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == f"{tracking.uri} has all of it already: `seedwitness ui` shows it.\n"
    Path("reports/owl/report.html").write_text("another")
    assert publish_changes(tracking) is not None
    Path("mlflow.db").unlink()  # this process would write on into the removed file
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"{RUNS} new runs" in said


def test_three_may_open_a_new_database_at_once(tracking: TrackingSettings, tmp_path: Path) -> None:
    Path("mlflow.db").unlink()
    script = "from seedwitness.stages import publish; publish.run()"
    writers = [
        subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for writer in writers:
        _, said = writer.communicate(timeout=600)
        assert writer.returncode == 0, said
    assert len(runs(tracking)) == RUNS
    assert_complete(tracking, tmp_path / "down")


def test_latents_are_on_the_disk_once(tracking: TrackingSettings) -> None:
    publish(tracking)
    source = Path("data/search/owl/tuned/latents-0000.safetensors")
    (run,) = runs(tracking, kind="case", target="owl", checkpoint="tuned")
    artifact = Path("mlartifacts", run.info.run_id, "artifacts/search", source.name)
    assert artifact.samefile(source)


def test_a_store_that_another_program_holds_is_a_clear_error(
    tracking: TrackingSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tracking)
    Path("reports/owl/report.html").write_text("another")
    monkeypatch.setattr(store, "PATIENCE_SECONDS", 0.1)
    with FileLock(".mlflow.db.lock"), pytest.raises(TrackingError, match="when it has ended"):
        publish(tracking)


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
    assert len(runs(tracking)) == RUNS
    assert {run.info.run_id for run in unfinished} <= {run.info.run_id for run in runs(tracking)}


def test_a_file_that_is_no_database(tracking: TrackingSettings) -> None:
    Path("mlflow.db").write_text("not one\n" * 9)
    with pytest.raises(TrackingError, match="not an SQLite database"):
        publish(tracking)


@pytest.mark.parametrize(
    ("version", "words"),
    [("90e64c465722", "older"), ("0123456789ab", "newer")],
)
def test_a_database_of_another_release_stays_as_it_is(
    tracking: TrackingSettings, version: str, words: str
) -> None:
    with closing(sqlite3.connect("mlflow.db")) as database:
        database.execute("update alembic_version set version_num = ?", [version])
        database.execute("drop table logged_model_tags")  # MLflow by itself would upgrade now
        database.commit()
    before = Path("mlflow.db").read_bytes()
    for command in (lambda: publish(tracking), lambda: ui.format_page(tracking, 5000)):
        with pytest.raises(TrackingError, match=f"made by an? {words} release") as raised:
            command()
        upgrade = f"`mlflow db upgrade sqlite:///{Path.cwd()}/mlflow.db`"
        assert (upgrade in str(raised.value)) == (words == "older")
    assert Path("mlflow.db").read_bytes() == before


def test_a_score_that_is_no_finite_number_is_kept_as_mlflow_keeps_it(
    tracking: TrackingSettings,
) -> None:
    values = [(0, float("inf")), (1, float("-inf")), (2, float("nan")), (3, 0.5)]
    with store.open_store(tracking) as ours:
        run, _ = store.get_or_create_run(ours, "case", "x", "x", {})
        store.log_scores(ours, run, {"a": values})
        metrics = [store.Metric("b", value, run.info.start_time, step) for step, value in values]
        ours.client.log_batch(run.info.run_id, metrics=metrics)
        a, b = (
            sorted((each.step, repr(each.value)) for each in history)
            for history in (
                ours.client.get_metric_history(run.info.run_id, "a"),
                ours.client.get_metric_history(run.info.run_id, "b"),
            )
        )
        assert a == b
        shown = ours.client.get_run(run.info.run_id).data.metrics
        assert shown["a"] == shown["b"] == 0.5


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
    title = "<b>a heading</b>\n" * 600
    parameters["report"]["title"] = title
    Path("params.yaml").write_text(yaml.safe_dump(parameters))
    publish(tracking)
    (run,) = runs(tracking, kind="pipeline")
    logged = run.data.params["report.title"]
    assert len(logged) <= 6000
    assert logged.startswith(title[:5800])
    assert "10200 characters, SHA-256 " in logged


def test_more_scores_than_one_call_takes(tracking: TrackingSettings) -> None:
    with store.open_store(tracking) as tracking_store:
        run, is_new = store.get_or_create_run(tracking_store, "case", "x", "x", {})
        assert is_new
        scores = {"a": [(step, step / 7) for step in range(2300)], "b": [(0, 1.0)]}
        store.log_scores(tracking_store, run, {"a": scores["a"][:900]})
        again, is_new = store.get_or_create_run(tracking_store, "case", "x", "x", {})
        assert not is_new
        assert again.info.run_id == run.info.run_id
        store.log_scores(tracking_store, again, scores)
        history = tracking_store.client.get_metric_history(run.info.run_id, "a")
        assert sorted((metric.step, metric.value) for metric in history) == scores["a"]
