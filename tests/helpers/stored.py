"""MLflow's store, read by MLflow's own client, apart from ours."""

import json
from pathlib import Path
from typing import Any

import mlflow.data
import pandas as pd
from mlflow import MlflowClient

from seedwitness.config.verdicts import TrackingSettings
from seedwitness.records.document import read_document
from seedwitness.records.findings import CaseFindings
from seedwitness.records.tables import (
    CONTROL_SCORES,
    CONTROL_TRIALS,
    SCORES,
    TRIALS,
    read_table,
)
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.hashes import sha256_file
from seedwitness.tracking.contents import read_pipeline
from seedwitness.tracking.store_uri import make_uri_absolute

CASES = [("owl", "tuned"), ("owl", "clean"), ("fish", "tuned"), ("fish", "clean")]


def reading(settings: TrackingSettings) -> Any:
    """MLflow's own client, apart from ours."""
    return MlflowClient(tracking_uri=make_uri_absolute(settings.uri))


def runs(settings: TrackingSettings, **tags: str) -> list[Any]:
    client = reading(settings)
    experiment = client.get_experiment_by_name(settings.experiment)
    condition = " and ".join(f"tags.`seedwitness.{key}` = '{value}'" for key, value in tags.items())
    return list(client.search_runs([experiment.experiment_id], condition))


def assert_complete(settings: TrackingSettings, folder: Path) -> None:
    """The store shows all files as they are: each once, and each trial with all that is known."""
    client = reading(settings)
    (parent,) = runs(settings, kind="pipeline", content=read_pipeline().digest)
    assert parent.info.status == "FINISHED"
    state = json.loads(
        Path(client.download_artifacts(parent.info.run_id, "state.json", str(folder))).read_text()
    )
    names = [f"{target}/{checkpoint}" for target, checkpoint in CASES]
    assert set(state["runs"]) == {*names, "controls of tuned", "controls of clean"}
    for name, entry in state["runs"].items():
        run = client.get_run(entry["run"])
        assert run.info.status == "FINISHED"
        assert run.data.tags["seedwitness.content"] == entry["content"]
        made_by = client.get_run(run.data.tags["mlflow.parentRunId"])
        assert made_by.data.tags["seedwitness.kind"] == "pipeline"
        place = folder / name.replace("/", "-")
        place.mkdir(parents=True, exist_ok=True)
        if "/" in name:
            assert_case(client, run, *name.split("/"), place)
            assert f"runs/{run.info.run_id}" in parent.data.tags["mlflow.note.content"]
        else:
            assert_controls(client, run, name.removeprefix("controls of "), place)


def assert_controls(client: Any, run: Any, checkpoint: str, folder: Path) -> None:
    """Every trial of the controls is there, with its seed, its hashes and all of its scores."""
    source = Path("data", "controls", checkpoint)
    trials = read_table(source / "trials.parquet", CONTROL_TRIALS)
    scores = read_table(source / "controls.parquet", CONTROL_SCORES)
    downloaded = Path(client.download_artifacts(run.info.run_id, "trials.json", str(folder)))
    content = json.loads(downloaded.read_text())
    table = pd.DataFrame(content["data"], columns=content["columns"])
    assert len(table) == len(trials)
    for column in ("control", "trial", "seed", "rng", "noise_sha256", "latent_sha256"):
        assert table[column].tolist() == trials[column].tolist()
    expected = {(row.control, row.trial, row.metric): row.score for row in scores.itertuples()}
    metrics = sorted(scores["metric"].unique())
    assert {
        (row["control"], row["trial"], metric): row[metric]
        for _, row in table.iterrows()
        for metric in metrics
    } == expected
    for metric in metrics:
        history = client.get_metric_history(run.info.run_id, f"trial/{metric}")
        assert [each.value for each in sorted(history, key=lambda each: each.step)] == table[
            metric
        ].tolist()


def assert_case(client: Any, run: Any, target: str, checkpoint: str, folder: Path) -> None:
    place = {name: Path("data", name, target, checkpoint) for name in ("search", "replay", "score")}
    trials = read_table(place["search"] / "trials.parquet", TRIALS)
    expected: dict[str, dict[int, float]] = {}
    number = {trial: row for row, trial in enumerate(trials["trial"])}
    for prefix, name in (("", "scores.parquet"), ("reference/", "reference.parquet")):
        for row in read_table(place["score"] / name, SCORES).itertuples():
            expected.setdefault(f"{prefix}{row.metric}", {})[number[row.trial]] = row.score
    for key, values in expected.items():
        history = client.get_metric_history(run.info.run_id, f"trial/{key}")
        assert len(history) == len(values)
        assert {each.step: each.value for each in history} == values
    best = {f"best/{name}" for name in expected if not name.startswith("reference/")}
    figures = {
        *("finding/p", "finding/p_family", "finding/statistic"),
        *("rate/copies", "rate/low", "rate/high", "rate/trials"),
    }
    assert set(run.data.metrics) == {*(f"trial/{name}" for name in expected), *best, *figures}
    findings = read_document(
        CaseFindings, Path("data", "judge", target, checkpoint, "finding.json")
    ).memorised
    assert run.data.metrics["finding/p"] == findings.rank.p == 1 / 105
    assert run.data.metrics["finding/statistic"] == findings.statistic.value
    assert run.data.metrics["rate/copies"] == findings.copies.rate.value
    assert run.data.metrics["rate/high"] == findings.copies.rate.high
    assert run.data.params["target"] == target
    assert run.data.params["checkpoint"] == checkpoint
    assert run.data.tags["seedwitness.memorised"] == "supported"
    assert run.data.tags["seedwitness.generated"] == "inconclusive"
    assert run.data.params["recipe.sampler"] == "ddim"
    assert run.data.params["search.budget_nfe"] == str(24 * len(trials))

    downloaded = Path(client.download_artifacts(run.info.run_id, "", str(folder)))
    table = json.loads((downloaded / "trials.json").read_text())
    table = pd.DataFrame(table["data"], columns=table["columns"])
    for column in ("trial", "noise_sha256", "latent_sha256", "seed", "latent_distance"):
        assert table[column].tolist() == trials[column].tolist()
    for key, values in expected.items():
        assert table[key].tolist() == [values[row] for row in range(len(trials))]
    replayed = read_table(place["replay"] / "trials.parquet", TRIALS)
    if len(replayed):
        assert table["reference/latent_sha256"].tolist() == replayed["latent_sha256"].tolist()
        assert (downloaded / "replay" / "latents-0000.safetensors").exists()
    shard = "latents-0000.safetensors"
    assert sha256_file(downloaded / "search" / shard) == sha256_file(place["search"] / shard)

    inputs = {each.dataset.name: each for each in run.inputs.dataset_inputs}
    assert set(inputs) == {f"target {target}", "corpus", f"controls of {checkpoint}"}
    shown = read_document(TargetRecord, Path("data", "prepare", target, "target.json"))
    image = inputs[f"target {target}"]
    assert shown.pixels_sha256.startswith(image.dataset.digest)
    assert json.loads(image.dataset.profile)["pixels_sha256"] == shown.pixels_sha256
    assert [(tag.key, tag.value) for tag in image.tags] == [("mlflow.data.context", "target")]
    source = mlflow.data.get_source(image.dataset)
    assert Path(source.load()) == Path("data", "prepare", target, "image.png").resolve()
