"""Publish the files in MLflow: a run for the pipeline's state, a child run a case and control set.

A run shows one content for ever: it is created once, keeps the parent that made it, and is never
changed when it is complete. A later state whose case is the same names that case's run in its
description and in ``state.json``.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from tqdm import tqdm

from seedwitness.config.verdicts import TrackingSettings
from seedwitness.runtime.workspace import find_project, read_revision
from seedwitness.tracking import artifacts
from seedwitness.tracking import store as stores
from seedwitness.tracking.beside import draw_beside
from seedwitness.tracking.case_tables import (
    TRIALS_FILE,
    collect_parameters,
    collect_scores,
    flatten_settings,
    format_table,
    read_control_table,
    read_findings,
    read_trial_table,
)
from seedwitness.tracking.contents import ChildFiles, PipelineState, read_pipeline
from seedwitness.tracking.no_op import remember_publication
from seedwitness.tracking.store import PARENT_TAG, Run, TrackingStore
from seedwitness.tracking.view import make_description

STATE_FILE = "state.json"
PIPELINE_KIND = "pipeline"


@dataclass(frozen=True)
class Publication:
    """What was published: the state by content, and how many runs, trials and scores are new."""

    content: str
    new_runs: int
    trials: int
    scores: int


def publish(settings: TrackingSettings) -> Publication:
    """Publish the files of the project in the working directory.

    A run of the same content is never created twice, and an interrupted one is completed. Several
    processes may publish into one database: each waits for its turn. Raises TrackingError if the
    store fails, RecordError if a file is missing.
    """
    state = read_pipeline()
    with stores.open_store(settings) as store:
        tags = _describe_workspace()
        name = tags.get("seedwitness.experiment") or tags["seedwitness.revision"][:7]
        title = f"{name or 'pipeline'} {state.digest[:8]}"
        parent, is_new = stores.get_or_create_run(store, PIPELINE_KIND, state.digest, title, tags)
        runs: dict[str, Run] = {}
        new_runs, trials, scores = int(is_new), 0, 0
        for child in tqdm(state.children, desc="publish", unit="run", disable=None):
            tags = {"seedwitness.checkpoint": child.checkpoint, PARENT_TAG: parent.info.run_id}
            tags |= {"seedwitness.target": child.target} if child.target else {}
            title = f"{child.target or 'controls'} · {child.checkpoint}"
            run, is_new = stores.get_or_create_run(store, child.kind, child.digest, title, tags)
            runs[child.name] = run
            if not stores.is_finished(run):
                counts = _log_child(store, child, run)
                new_runs, trials, scores = new_runs + is_new, trials + counts[0], scores + counts[1]
        if not stores.is_finished(parent):
            _log_pipeline(store, state, parent, runs)
            stores.finish_run(store, parent)
        stores.keep_view(store)
    remember_publication(settings, state.digest)
    return Publication(state.digest, new_runs, trials, scores)


def _describe_workspace() -> dict[str, str]:
    """The experiment of DVC that this workspace runs, and the commit that it started from."""
    variables = {
        "seedwitness.experiment": os.environ.get("DVC_EXP_NAME", ""),
        "seedwitness.revision": os.environ.get("DVC_EXP_BASELINE_REV") or read_revision(),
        "seedwitness.project": find_project().name,
    }
    return {key: value for key, value in variables.items() if value or key.endswith("revision")}


def _log_child(store: TrackingStore, child: ChildFiles, run: Run) -> tuple[int, int]:
    """Log a case or the controls of a checkpoint completely; gives its trials and scores."""
    is_case = child.kind == "case"
    table = read_trial_table(child) if is_case else read_control_table(child)
    parameters = {"target": child.target or "controls", "checkpoint": child.checkpoint}
    parameters |= collect_parameters(child, table)
    stores.log_params(store, run, parameters)
    stores.log_inputs(store, run, child.datasets)
    if is_case:
        answers, figures = read_findings(child, table)
        stores.log_scores(store, run, {key: [(0, value)] for key, value in figures.items()})
        stores.set_tags(store, run, answers)
        artifacts.log_pictures(store, run, draw_beside(child, table))
    # After the figures of the finding: MLflow compares two runs by what was logged first.
    series = collect_scores(table)
    stores.log_scores(store, run, series)
    artifacts.log_files(store, run, child.files)
    artifacts.log_table(store, run, TRIALS_FILE, format_table(table))
    stores.finish_run(store, run)
    return len(table), sum(map(len, series.values()))


def _log_pipeline(
    store: TrackingStore, state: PipelineState, run: Run, children: dict[str, Run]
) -> None:
    settings = {key: value for key, value in state.params.items() if key != "tracking"}
    stores.log_params(store, run, flatten_settings(settings))
    stores.log_inputs(store, run, state.datasets)
    artifacts.log_files(store, run, state.files)
    runs = {
        child.name: {"content": child.digest, "run": children[child.name].info.run_id}
        for child in state.children
    }
    text = json.dumps({"runs": runs, "files": state.hashes}, indent=1)
    artifacts.log_text(store, run, STATE_FILE, text)
    stores.set_description(store, run, make_description(store.experiment, state, children))
