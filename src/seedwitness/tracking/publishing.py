"""Publish the files in MLflow: one run for the pipeline's state, one child run per case."""

from __future__ import annotations

import json

from tqdm import tqdm

from seedwitness.config.verdicts import TrackingSettings
from seedwitness.records.document import Document
from seedwitness.tracking import store as stores
from seedwitness.tracking.case_tables import (
    collect_parameters,
    collect_scores,
    flatten_settings,
    format_table,
    read_findings,
    read_trial_table,
)
from seedwitness.tracking.contents import CaseFiles, InputDataset, PipelineState, read_pipeline
from seedwitness.tracking.store import (
    CURRENT_TAG,
    PARENT_TAG,
    SUPERSEDED_BY_TAG,
    Run,
    TrackingStore,
)

TRIALS_FILE = "trials.json"
STATE_FILE = "state.json"
CASE_KIND, PIPELINE_KIND = "case", "pipeline"


class PublishedCase(Document):
    """The record of one published case."""

    content: str
    trials: int
    scores: int
    files: int


class PublicationRecord(Document):
    """``published.json``: what MLflow shows, by content; its random run ids are left out."""

    content: str
    cases: dict[str, PublishedCase]
    datasets: int
    files: int


def publish(settings: TrackingSettings) -> PublicationRecord:
    """Publish the files of the project in the working directory; existing runs stay unchanged.

    A run of the same content is never created twice, and an interrupted one is completed. A run
    whose files have changed or are no longer configured stays, marked as superseded.
    """
    state = read_pipeline()
    published_cases: dict[str, PublishedCase] = {}
    current_run_ids: set[str] = set()
    with stores.open_store(settings) as store:
        parent = stores.get_or_create_run(
            store, PIPELINE_KIND, state.digest, f"pipeline {state.digest[:8]}", tags={}
        )
        for case in tqdm(state.cases, desc="publish", unit="case", disable=None):
            run, published_cases[case.name] = _publish_case(
                store, case, state.datasets[case.name], parent
            )
            current_run_ids.add(run.info.run_id)
        if not stores.is_finished(parent):
            _log_pipeline(store, state, parent)
        current_run_ids.add(parent.info.run_id)
        stores.set_tags(store, parent, {CURRENT_TAG: "yes", SUPERSEDED_BY_TAG: None})
        _mark_superseded(store, state, current_run_ids)
        if not stores.is_finished(parent):
            stores.finish_run(store, parent)
    return PublicationRecord(
        content=state.digest,
        cases=published_cases,
        datasets=len(state.datasets[""]),
        files=len(state.files),
    )


def _publish_case(
    store: TrackingStore, case: CaseFiles, datasets: list[InputDataset], parent: Run
) -> tuple[Run, PublishedCase]:
    table = read_trial_table(case)
    scores = collect_scores(table)
    published = PublishedCase(
        content=case.digest,
        trials=len(table),
        scores=sum(map(len, scores.values())),
        files=len(case.files),
    )
    tags = {
        "seedwitness.target": case.target,
        "seedwitness.checkpoint": case.checkpoint,
        PARENT_TAG: parent.info.run_id,
    }
    run = stores.get_or_create_run(
        store, CASE_KIND, case.digest, f"{case.target} · {case.checkpoint}", tags
    )
    if not stores.is_finished(run):
        answers, figures = read_findings(case)
        stores.log_params(store, run, collect_parameters(case, table))
        stores.log_inputs(store, run, datasets)
        stores.log_scores(store, run, scores)
        stores.log_scores(store, run, {key: [(0, value)] for key, value in figures.items()})
        stores.log_files(store, run, case.files)
        stores.log_table(store, run, TRIALS_FILE, format_table(table))
        findings = {f"seedwitness.{key}": value for key, value in answers.items()}
        stores.set_tags(store, run, findings)
        stores.finish_run(store, run)
    stores.set_tags(
        store, run, {PARENT_TAG: parent.info.run_id, CURRENT_TAG: "yes", SUPERSEDED_BY_TAG: None}
    )
    return run, published


def _log_pipeline(store: TrackingStore, state: PipelineState, run: Run) -> None:
    settings = {key: value for key, value in state.params.items() if key != "tracking"}
    stores.log_params(store, run, dict(flatten_settings(settings)))
    stores.log_inputs(store, run, state.datasets[""])
    stores.log_files(store, run, state.files)
    cases = {case.name: case.digest for case in state.cases}
    stores.log_text(
        store, run, STATE_FILE, json.dumps({"cases": cases, "files": state.hashes}, indent=1)
    )


def _mark_superseded(store: TrackingStore, state: PipelineState, current_run_ids: set[str]) -> None:
    """Mark the runs whose files are not the current ones, with the digest of their successor."""
    contents = {(case.target, case.checkpoint): case.digest for case in state.cases}
    for run in stores.list_current_runs(store):
        if run.info.run_id not in current_run_ids:
            tags = run.data.tags
            key = (tags.get("seedwitness.target", ""), tags.get("seedwitness.checkpoint", ""))
            successor = contents.get(key, state.digest)
            stores.set_tags(store, run, {CURRENT_TAG: "no", SUPERSEDED_BY_TAG: successor})
