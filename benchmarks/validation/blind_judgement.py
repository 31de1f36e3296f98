"""Judges pictures by the main job's own code, and knows nothing of them but what lies in a folder.

    .venv/bin/python benchmarks/blind.py FOLDER --lab data/lab --scratch DIR

FOLDER holds ImageFolders `questions`, `controls` and `corpus`. Of the lab only its checkpoints, its
CLIP and its metrics are read, never its truth. Each picture is asked about in three ways: as a
report would, by what the corpus and the pixels give (`as found`); with its caption stated by a user
(`stated`), which is the only way under the largest budget; by phrases alone that fit its pixels,
with nothing looked up (`pixels alone`). Each is judged on lab-memorised with lab-clean as the
reference, and the same recipes are judged on lab-clean. One JSON object goes to stdout.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from benchmarks.shared.case_inputs import (
    STATED,
    STEPS,
    Control,
    Question,
    controls,
    indexed,
    laid,
    questions,
    settings,
)
from benchmarks.shared.result_cache import SCORED, Kept
from PIL import Image
from benchmarks.shared.empty_scan import unscanned

from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.config.params import Params
from seedwitness.config.verdicts import CopyCriterionSettings, JudgeSettings
from seedwitness.engine.executor import execute
from seedwitness.engine.latent_cache import Sample
from seedwitness.imaging.decoding import hash_pixels
from seedwitness.imaging.perceptual_fingerprint import MAX_PDQ_DISTANCE, Fingerprint
from seedwitness.metrics import pdq, scoring
from seedwitness.prompts.recoverer import load_recoverer
from seedwitness.records.findings import CaseFindings, MemorisedFinding, Verdict
from seedwitness.records.recipe import Recipe
from seedwitness.records.tables import (
    CODECS,
    CONTROL_SCORES,
    SCORES,
    TRIALS,
    read_table,
    typed_frame,
)
from seedwitness.search import case_search, results
from seedwitness.search.trial_scores import batch_samples, score_latents
from seedwitness.statistics.distances import score_of, with_distance
from seedwitness.targets.information import explain_low_information
from seedwitness.verdict.case_data import CaseData, blind_rates, copies, distances_by_trial
from seedwitness.verdict.conclusion import ReferenceComparison, conclude
from seedwitness.verdict.exclusions import exclusion_reasons
from seedwitness.verdict.judgement import judge

MEMORISED, CLEAN = "lab-memorised", "lab-clean"
BY_PDQ = CopyCriterionSettings(metric="pdq", threshold=float(MAX_PDQ_DISTANCE), source=pdq.INFO.source)
"""Another line for a copy than that of the project's settings."""


@dataclass(frozen=True)
class Scorer:
    """Scores what a checkpoint made; what was scored before is read from ``scratch``."""

    asked: Params
    metrics: Mapping[str, scoring.Metric]
    scratch: Path

    def table(
        self,
        loaded: LoadedCheckpoint,
        recipes: Sequence[Recipe],
        made: Mapping[str, Sample],
        picture: Image.Image,
    ) -> pd.DataFrame:
        """``records.SCORES`` of ``recipes``, a row each trial and metric."""
        about = {
            "checkpoint": loaded.checkpoint.sha256,
            "recipes": [each.id for each in recipes],
            "latents": [made[each.id].latent_sha256 for each in recipes],
            "laid": asdict(laid(self.asked)),
            "batch": self.asked.score.batch,
            "metrics": {name: each.info.weights_sha256 for name, each in self.metrics.items()},
        }

        def reckon() -> list[dict[str, Any]]:
            some = batch_samples(recipes, made, self.asked.score.batch)
            found = score_latents(loaded.pipeline, some, picture, self.metrics, laid(self.asked))
            return _plain(typed_frame(found, SCORES))

        kept = Kept(self.scratch, about).rows(SCORED, hash_pixels(picture), "", reckon)
        return typed_frame(kept, SCORES)


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def control_rows(
    loaded: LoadedCheckpoint, chosen: Sequence[Control], scorer: Scorer, ledger: Path
) -> pd.DataFrame:
    """``records.CONTROLS`` on one checkpoint."""
    todo = {each.entry.file_name: each.case for each in chosen}
    outcomes = case_search.search_cases(loaded, todo, scorer.asked.search, ledger).outcomes
    rows = []
    for each in chosen:
        outcome = outcomes[each.entry.file_name]
        about = {
            "control": each.entry.file_name,
            "pixels_sha256": each.target.pixels_sha256,
            **{name: getattr(each.target, name) for name in Fingerprint._fields},
            "caption": each.entry.text,
            "corpus_match": each.seen,
        }
        own = scorer.table(loaded, outcome.recipes, outcome.samples, each.case.picture)
        rows += [about | row for row in _plain(own)]
    return typed_frame(rows, CONTROL_SCORES)


def trials(outcome: case_search.SearchOutcome, question: Question, strategy: str) -> pd.DataFrame:
    """``records.TRIALS`` of a search, by way of the file that a stage writes."""
    table = question.prompts
    places = {
        text: (rank, source)
        for text, rank, source in zip(table["text"], table["rank"], table["source"], strict=True)
    }
    with tempfile.TemporaryDirectory() as folder:
        results.write_trials(Path(folder), outcome, places, 0, strategy)
        return read_table(Path(folder) / "trials.parquet", TRIALS)


def row(
    way: str, case: CaseFindings, closest: Mapping[str, float], nfe: int, *, refused: bool
) -> dict[str, Any]:
    """What is kept of a finding."""
    m = case.memorised
    return {
        "picture": case.target,
        "way": way,
        "checkpoint": case.checkpoint,
        "finding": m.finding,
        "p": m.rank.p,
        "statistic": m.statistic.value,
        "copies": m.copies.rate.hits,
        "trials": m.copies.rate.n,
        "reference_low": m.reference.low if m.reference else None,
        "bits": case.phrase.bits,
        "bits_low": case.phrase.low,
        "nfe": nfe,
        "closest": dict(closest),
        "refused": refused,
        "reason": m.reasons[0],
    }


@dataclass(frozen=True)
class Judged:
    """What is needed to judge any picture: checkpoints, metrics, and the controls on each."""

    asked: Params
    loaded: Mapping[str, LoadedCheckpoint]
    scorer: Scorer
    beside: Mapping[str, pd.DataFrame]

    def findings(
        self,
        way: str,
        question: Question,
        outcome: case_search.SearchOutcome,
        again: Mapping[str, Sample],
    ) -> list[dict[str, Any]]:
        """What is concluded for both checkpoints; ``again`` is what lab-clean made."""
        own, theirs = (
            self.scorer.table(self.loaded[which], outcome.recipes, made, question.image)
            for which, made in ((MEMORISED, outcome.samples), (CLEAN, again))
        )
        tried = trials(outcome, question, self.asked.search.strategy.name)
        sought = case_search.SearchCase(question.image, tuple(question.prompts["text"]))
        tables = {MEMORISED: own, CLEAN: theirs}
        examined = [
            CaseData(
                target=question.target,
                checkpoint=self.loaded[which].checkpoint,
                flat=explain_low_information(question.target.information, self.asked.prepare),
                scores=table,
                controls=self.beside[which],
                known=typed_frame([], CONTROL_SCORES),
                reference=None if which == CLEAN else self.loaded[CLEAN].checkpoint,
                reference_scores=theirs[:0] if which == CLEAN else theirs,
                search=results.summarise_search(
                    question.target.name, self.loaded[which], self.asked.search, sought, outcome
                ),
                prompts=question.prompts,
                trials=tried,
                codecs=typed_frame([], CODECS),
                scan=unscanned(question.target.name, which, self.loaded[which].checkpoint.sha256),
            )
            for which, table in tables.items()
        ]
        found = []
        judged = judge(examined, self.asked.judge)
        there = next(case.memorised.rank.p for case in judged if case.checkpoint == CLEAN)
        for each, case in zip(examined, judged, strict=True):
            m = case.memorised
            refused = bool(exclusion_reasons(each, m.rank, m.copies.criteria))
            near = closest(tables[case.checkpoint])
            told = row(way, case, near, outcome.nfe, refused=refused)
            found.append(told | {"by_pdq": otherwise(each, m, there, self.asked.judge)})
        return found


def otherwise(
    case: CaseData, found: MemorisedFinding, there: float, settings: JudgeSettings
) -> Verdict:
    """What would be concluded, were a copy what is one by PDQ; all else as it is."""
    settings = settings.model_copy(update={"copies": [BY_PDQ]})
    wide = distances_by_trial(case.scores)
    copied = copies(case, settings, wide)
    beside = None
    if case.reference:
        beside = ReferenceComparison(found.reference, blind_rates(case, settings, wide), there)
    refused = exclusion_reasons(case, found.rank, copied.criteria)
    return conclude(refused, found.rank, copied, beside, settings)[0]


def closest(table: pd.DataFrame) -> dict[str, float]:
    """The closest of all trials by each metric of ``records.SCORES``."""
    found = {}
    for metric, own in table.groupby("metric"):
        higher = bool(own["higher_is_closer"].iloc[0])
        found[str(metric)] = round(score_of(float(with_distance(own)["distance"].min()), higher), 6)
    return found


def main() -> None:
    """Judge every picture in every way, and write one JSON object to stdout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--budget", type=int, choices=STEPS, help="NFE a case")
    given = parser.parse_args()
    asked = settings(given.lab, given.budget)
    loaded = {
        name: load_checkpoint(
            name,
            CheckpointSettings(
                family="diffusers", path=given.lab / "checkpoints" / name, watch=given.lab
            ),
        )
        for name in (MEMORISED, CLEAN)
    }
    metrics = scoring.load_metrics(asked.score.runnable, asked.score.weights, asked.score.batch)
    place = indexed(given.folder / "corpus", asked, given.scratch)
    ask = load_recoverer(asked.clip, asked.recover, place)
    index = ask.open_index(place)
    ledger = given.scratch / "ledger"
    chosen = controls(given.folder, ask, index, asked)
    scorer = Scorer(asked, metrics, given.scratch)
    beside = {name: control_rows(each, chosen, scorer, ledger) for name, each in loaded.items()}
    about = {"index": place.name, "prompts": asked.search.prompts}
    about |= {name: getattr(asked, name).model_dump(mode="json") for name in ("recover", "lookup")}
    put = questions(given.folder, ask, index, asked, Kept(given.scratch, about))
    if given.budget == STATED:
        put = {name: each for name, each in put.items() if name.startswith("stated/")}
    sought = {
        name: case_search.SearchCase(each.image, tuple(each.prompts["text"]))
        for name, each in put.items()
    }
    outcomes = case_search.search_cases(loaded[MEMORISED], sought, asked.search, ledger).outcomes
    every = {recipe.id: recipe for each in outcomes.values() for recipe in each.recipes}
    again = execute(
        loaded[CLEAN],
        list(every.values()),
        batch=asked.search.batch,
        shard=asked.search.shard,
        ledger=ledger,
    ).samples
    judged = Judged(asked, loaded, scorer, beside)
    found = [
        finding
        for name, question in put.items()
        for finding in judged.findings(name.partition("/")[0], question, outcomes[name], again)
    ]
    own = {
        name: [closest(each)[asked.judge.metric] for _, each in table.groupby("control")]
        for name, table in beside.items()
    }
    result = {
        "device": str(loaded[MEMORISED].pipeline.device),
        "checkpoints": {name: each.checkpoint.sha256 for name, each in loaded.items()},
        "controls": own,
        "search": asked.search.model_dump(mode="json"),
        "judge": asked.judge.model_dump(mode="json"),
        "findings": found,
    }
    sys.stdout.write(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
