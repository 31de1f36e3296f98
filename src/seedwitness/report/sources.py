"""Reads what the stages wrote for one target, and keeps the hash of every file it read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pandas as pd

from seedwitness.errors import RecordError
from seedwitness.records.attempts import Attempt, TargetAttempts
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.copy_map import CopyMap
from seedwitness.records.corpus import CorpusRecord, LookupQuery
from seedwitness.records.document import Document, read_document
from seedwitness.records.findings import CaseFindings
from seedwitness.records.prompt_recovery import PromptRecovery
from seedwitness.records.search import ReplaySummary, SearchSummary
from seedwitness.records.tables import (
    CODECS,
    CONTROL_DETECTIONS,
    CONTROL_REACH,
    CONTROL_SCORES,
    DETECTIONS,
    MATCHES,
    PROMPTS,
    REACH,
    SCORES,
    TRIALS,
    Columns,
    read_table,
)
from seedwitness.records.target import TargetRecord
from seedwitness.report.provenance import Input
from seedwitness.runtime.hashes import sha256_file

D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class CaseSource:
    """What is known of one case. ``scores``, ``reference_scores``, ``codecs`` and ``controls`` are
    tables of ``records.SCORES``, ``records.CODECS`` and ``records.CONTROLS``; ``images`` are the
    pictures that the scoring kept, ``reference_images`` those of the same recipes on the reference,
    both by trial.
    """

    case: CaseFindings
    identity: CheckpointIdentity
    search: SearchSummary
    replay: ReplaySummary
    prompts: pd.DataFrame
    trials: pd.DataFrame
    scores: pd.DataFrame
    reference_scores: pd.DataFrame
    codecs: pd.DataFrame
    controls: pd.DataFrame
    maps: CopyMap
    map_images: dict[str, Path]
    """By what they show: pixels, windows, ending."""
    images: dict[str, Path]
    reference_images: dict[str, Path]
    regenerated: Path | None
    """The picture of the seed that was recovered."""
    reach: pd.DataFrame
    """``records.REACH``, and ``controls_reach`` ``records.CONTROLS_REACH``; may be empty."""
    controls_reach: pd.DataFrame
    detected: pd.DataFrame
    """``records.DETECTED``, and ``controls_detected`` ``records.CONTROLS_DETECTED``."""
    controls_detected: pd.DataFrame
    reach_images: dict[str, Path]
    """By the number of their rung."""


@dataclass(frozen=True)
class TargetSource:
    """What is known of one target: the picture, where it may come from, and its cases."""

    target: TargetRecord
    image: Path
    plan: Path
    plans: list[Path]
    """Every analysis plan that was written in the project, in order; the report's own too."""
    attempts: list[Attempt]
    """Other executions on the same pixels: with other stated prompts, checkpoints or plans."""
    prompts: pd.DataFrame
    recovery: PromptRecovery
    matches: pd.DataFrame
    query: LookupQuery
    corpus: CorpusRecord
    match_images: dict[str, Path]
    cases: list[CaseSource]
    inputs: list[Input]


class _Reader:
    """Reads below one folder, and keeps the hash of every file that was read."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._read: dict[str, str] = {}

    def document(self, kind: type[D], *place: str) -> D:
        found = read_document(kind, self._data.joinpath(*place))
        self.note(*place)
        return found

    def table(self, columns: Columns, *place: str) -> pd.DataFrame:
        found = read_table(self._data.joinpath(*place), columns)
        self.note(*place)
        return found

    def pictures(self, *place: str) -> dict[str, Path]:
        """The PNG files of a folder by name without suffix; none where there is no folder."""
        found = sorted(self._data.joinpath(*place).glob("*.png"))
        for path in found:
            self.note(*place, path.name)
        return {path.stem: path for path in found}

    def path(self, *place: str) -> Path:
        """A file that is read elsewhere."""
        self.note(*place)
        return self._data.joinpath(*place)

    def note(self, *place: str) -> None:
        path = self._data.joinpath(*place)
        self._read["/".join((self._data.name, *place))] = sha256_file(path)

    def inputs(self) -> list[Input]:
        return [Input(path=path, sha256=self._read[path]) for path in sorted(self._read)]


def read(data: Path, target: str) -> TargetSource:
    """All that the stages wrote of ``target`` below ``data``; its cases are those that were judged.

    Raises RecordError where a file is missing, of another version, or nothing was judged.
    """
    reader = _Reader(data)
    about = reader.document(TargetRecord, "prepare", target, "target.json")
    image = data / "prepare" / target / "image.png"
    if not image.is_file():
        raise RecordError(f"{image} is missing. `dvc repro` runs the stage that writes it.")
    reader.note("prepare", target, "image.png")
    plan = data / "plan" / "plan.json"
    if not plan.is_file():
        raise RecordError(f"{plan} is missing. `dvc repro` runs the stage that writes it.")
    reader.note("plan", "plan.json")
    history = sorted(path.name for path in (data / "plans").glob("*.json"))
    judged = sorted(path.parent.name for path in (data / "judge" / target).glob("*/finding.json"))
    if not judged:
        raise RecordError(
            f"{data / 'judge' / target} holds no finding: there is nothing to report of {target}. "
            "`dvc repro` runs the stages up to the finding."
        )
    prompts = reader.table(PROMPTS, "recover", target, "prompts.parquet")
    cases = _cases(reader, target, judged)
    now = (
        prompts.loc[prompts["source"] == "user", "text"].tolist(),
        {each.identity.name: each.identity.sha256 for each in cases},
        sha256_file(plan),
    )
    attempts = reader.document(TargetAttempts, "attempts", f"{target}.json").attempts
    return TargetSource(
        target=about,
        image=image,
        plan=plan,
        plans=[reader.path("plans", name) for name in history],
        attempts=[attempt for attempt in attempts if attempt.question != now],
        prompts=prompts,
        recovery=reader.document(PromptRecovery, "recover", target, "recover.json"),
        matches=reader.table(MATCHES, "lookup", target, "matches.parquet"),
        query=reader.document(LookupQuery, "lookup", target, "query.json"),
        corpus=reader.document(CorpusRecord, "index", "corpus.json"),
        match_images=reader.pictures("lookup", target, "images"),
        cases=cases,
        inputs=reader.inputs(),
    )


def _cases(reader: _Reader, target: str, judged: Sequence[str]) -> list[CaseSource]:
    for name in judged:
        reader.note("controls", name, "learned.parquet")  # the findings' ratios rest on it
    found = [
        CaseSource(
            case=reader.document(CaseFindings, "judge", target, name, "finding.json"),
            identity=reader.document(CheckpointIdentity, "identify", name, "checkpoint.json"),
            search=reader.document(SearchSummary, "search", target, name, "search.json"),
            replay=reader.document(ReplaySummary, "replay", target, name, "replay.json"),
            prompts=reader.table(PROMPTS, "search", target, name, "prompts.parquet"),
            trials=reader.table(TRIALS, "search", target, name, "trials.parquet"),
            scores=reader.table(SCORES, "score", target, name, "scores.parquet"),
            reference_scores=reader.table(SCORES, "score", target, name, "reference.parquet"),
            codecs=reader.table(CODECS, "score", target, name, "codecs.parquet"),
            controls=reader.table(CONTROL_SCORES, "controls", name, "controls.parquet"),
            maps=reader.document(CopyMap, "score", target, name, "maps", "maps.json"),
            map_images=reader.pictures("score", target, name, "maps"),
            images=reader.pictures("score", target, name, "images"),
            reference_images=reader.pictures("score", target, name, "reference"),
            regenerated=reader.pictures("scan", target, name).get("regenerated"),
            reach=reader.table(REACH, "reach", target, name, "reach.parquet"),
            controls_reach=reader.table(CONTROL_REACH, "controls", name, "reach.parquet"),
            detected=reader.table(DETECTIONS, "reach", target, name, "detectors.parquet"),
            controls_detected=reader.table(
                CONTROL_DETECTIONS, "controls", name, "detectors.parquet"
            ),
            reach_images=reader.pictures("reach", target, name, "images"),
        )
        for name in judged
    ]
    # What is under examination comes first, what it is compared with last.
    return sorted(found, key=lambda each: each.case.checkpoint == each.replay.reference)
