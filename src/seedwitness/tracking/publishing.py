"""Make MLflow's view equal to the files: a run for the pipeline's state, a child run a case."""

from __future__ import annotations

import json

from tqdm import tqdm

from seedwitness.config.verdicts import TrackingSettings
from seedwitness.records.document import Document
from seedwitness.tracking import store as stores
from seedwitness.tracking.contents import (
    Case,
    Dataset,
    Pipeline,
    as_json,
    figures,
    flat,
    parameters,
    pipeline,
    scored,
    trials,
)
from seedwitness.tracking.store import CURRENT, PARENT, SUPERSEDED_BY, Run, Store

TABLE = "trials.json"
STATE = "state.json"
CASE, PIPELINE = "case", "pipeline"


class PublishedCase(Document):
    """One case as it was published."""

    content: str
    trials: int
    scores: int
    files: int


class Published(Document):
    """``published.json``: what MLflow shows, by content. Its run ids are random and not here."""

    content: str
    cases: dict[str, PublishedCase]
    datasets: int
    files: int


def publish(settings: TrackingSettings) -> Published:
    """Publish the files of the project in the working directory; what is there stays as it is.

    A run of the same content is never made twice, and one that was cut short is filled up. A run
    whose files have changed or are no longer named stays, marked as superseded.
    """
    state = pipeline()
    done: dict[str, PublishedCase] = {}
    shown: dict[str, str] = {}
    with stores.opened(settings) as store:
        parent = stores.begun(
            store, PIPELINE, state.content, f"pipeline {state.content[:8]}", tags={}
        )
        for case in tqdm(state.cases, desc="publish", unit="case", disable=None):
            run, done[case.name] = _case(store, case, state.datasets[case.name], parent)
            shown[run.info.run_id] = case.name
        if not stores.finished(parent):
            _fill_pipeline(store, state, parent)
        shown[parent.info.run_id] = ""
        stores.tag(store, parent, {CURRENT: "yes", SUPERSEDED_BY: None})
        _supersede(store, state, set(shown))
        if not stores.finished(parent):
            stores.finish(store, parent)
    return Published(
        content=state.content,
        cases=done,
        datasets=len(state.datasets[""]),
        files=len(state.files),
    )


def _case(
    store: Store, case: Case, datasets: list[Dataset], parent: Run
) -> tuple[Run, PublishedCase]:
    table = trials(case)
    scores = scored(table)
    told = PublishedCase(
        content=case.content,
        trials=len(table),
        scores=sum(map(len, scores.values())),
        files=len(case.files),
    )
    own = {
        "seedwitness.target": case.target,
        "seedwitness.checkpoint": case.checkpoint,
        PARENT: parent.info.run_id,
    }
    run = stores.begun(store, CASE, case.content, f"{case.target} · {case.checkpoint}", own)
    if not stores.finished(run):
        words, numbers = figures(case)
        stores.log_params(store, run, parameters(case, table))
        stores.log_inputs(store, run, datasets)
        stores.log_scores(store, run, scores)
        stores.log_scores(store, run, {key: [(0, value)] for key, value in numbers.items()})
        stores.log_files(store, run, case.files)
        stores.log_table(store, run, TABLE, as_json(table))
        findings = {f"seedwitness.{key}": value for key, value in words.items()}
        stores.tag(store, run, findings)
        stores.finish(store, run)
    stores.tag(store, run, {PARENT: parent.info.run_id, CURRENT: "yes", SUPERSEDED_BY: None})
    return run, told


def _fill_pipeline(store: Store, state: Pipeline, run: Run) -> None:
    settings = {key: value for key, value in state.params.items() if key != "tracking"}
    stores.log_params(store, run, dict(flat(settings)))
    stores.log_inputs(store, run, state.datasets[""])
    stores.log_files(store, run, state.files)
    cases = {case.name: case.content for case in state.cases}
    stores.log_text(
        store, run, STATE, json.dumps({"cases": cases, "files": state.hashes}, indent=1)
    )


def _supersede(store: Store, state: Pipeline, shown: set[str]) -> None:
    """Mark the runs that show other files than those of now, with what took their place."""
    contents = {(case.target, case.checkpoint): case.content for case in state.cases}
    for run in stores.current(store):
        if run.info.run_id not in shown:
            tags = run.data.tags
            key = (tags.get("seedwitness.target", ""), tags.get("seedwitness.checkpoint", ""))
            by = contents.get(key, state.content)
            stores.tag(store, run, {CURRENT: "no", SUPERSEDED_BY: by})
