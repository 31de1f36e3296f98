"""Scores of searches as tables: of the questions' trials, and of the controls' trials."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from benchmarks.shared.case_inputs import CaseInput, ControlInput, alignment_spec
from benchmarks.shared.result_cache import ResultCache
from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.params import Params
from seedwitness.engine.latent_cache import Sample
from seedwitness.imaging.decoding import hash_pixels
from seedwitness.imaging.perceptual_fingerprint import Fingerprint
from seedwitness.metrics.scoring import Metric
from seedwitness.records.recipe import Recipe
from seedwitness.records.tables import (
    CONTROL_SCORES,
    CONTROL_TRIALS,
    SCORES,
    TRIALS,
    make_typed_frame,
    read_table,
)
from seedwitness.search import results
from seedwitness.search.case_search import SearchOutcome, search_cases
from seedwitness.search.trial_scores import batch_samples, score_latents
from seedwitness.statistics.distances import score_of, with_distance

TRIAL_SCORES = "scores"
"""The scoring of trials, as the result cache names it."""

CODE = {TRIAL_SCORES: [score_latents.__module__]}


@dataclass(frozen=True)
class TrialScorer:
    """Scores the trials of a checkpoint, or reads their scores from the cache in ``scratch``."""

    params: Params
    metrics: Mapping[str, Metric]
    scratch: Path

    def score(
        self,
        loaded: LoadedCheckpoint,
        recipes: Sequence[Recipe],
        samples: Mapping[str, Sample],
        image: Image.Image,
    ) -> pd.DataFrame:
        """Score ``recipes`` against an image, as ``SCORES``: a row for each trial and metric."""
        alignment, batch = alignment_spec(self.params), self.params.score.batch
        settings = {
            "checkpoint": loaded.checkpoint.sha256,
            "recipes": [recipe.id for recipe in recipes],
            "latents": [samples[recipe.id].latent_sha256 for recipe in recipes],
            "alignment": asdict(alignment),
            "batch": batch,
            "metrics": {name: each.info.weights_sha256 for name, each in self.metrics.items()},
        }

        def compute() -> list[dict[str, Any]]:
            batches = batch_samples(recipes, samples, batch)
            prompts = {recipe.id: recipe.prompt for recipe in recipes}
            scores = score_latents(
                loaded.pipeline, batches, prompts, image, self.metrics, alignment
            )
            return as_rows(make_typed_frame(scores, SCORES))

        cache = ResultCache(self.scratch, settings, CODE)
        return make_typed_frame(cache.rows(TRIAL_SCORES, hash_pixels(image), "", compute), SCORES)


def as_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table as a list of rows that JSON can hold."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


@dataclass(frozen=True)
class ControlTables:
    """The scores of all controls on a checkpoint, ``CONTROL_SCORES``, and their trials."""

    scores: pd.DataFrame
    trials: pd.DataFrame
    """As ``CONTROL_TRIALS``."""


def score_controls(
    loaded: LoadedCheckpoint, controls: Sequence[ControlInput], scorer: TrialScorer, ledger: Path
) -> ControlTables:
    """Search every control on a checkpoint and score its trials."""
    cases = {control.entry.file_name: control.case for control in controls}
    outcomes = search_cases(loaded, cases, scorer.params.search, ledger).outcomes
    rows, trials = [], []
    for control in controls:
        outcome = outcomes[control.entry.file_name]
        columns = {
            "control": control.entry.file_name,
            "pixels_sha256": control.target.pixels_sha256,
            **{name: getattr(control.target, name) for name in Fingerprint._fields},
            "caption": control.entry.text,
            "corpus_match": control.corpus_match,
        }
        scores = scorer.score(loaded, outcome.recipes, outcome.samples, control.case.picture)
        rows += [columns | row for row in as_rows(scores)]
        own = {name: columns[name] for name in ("control", "pixels_sha256")} | {"use": "control"}
        ranks = results.index_prompt_ranks(control.prompts)
        trials += [
            own | row
            for row in results.list_trials(outcome, ranks, scorer.params.search.strategy.name)
        ]
    return ControlTables(
        make_typed_frame(rows, CONTROL_SCORES), make_typed_frame(trials, CONTROL_TRIALS)
    )


def trial_table(outcome: SearchOutcome, case: CaseInput, strategy: str) -> pd.DataFrame:
    """The trials of a search as ``TRIALS``, by way of the file that a stage writes."""
    with tempfile.TemporaryDirectory() as folder:
        ranks = results.index_prompt_ranks(case.prompts)
        results.write_trials(Path(folder), outcome, ranks, 0, strategy)
        return read_table(Path(folder) / "trials.parquet", TRIALS)


def closest_scores(scores: pd.DataFrame) -> dict[str, float]:
    """The score of the closest trial by each metric of a table of ``SCORES``."""
    closest = {}
    for metric, rows in scores.groupby("metric"):
        higher_is_closer = bool(rows["higher_is_closer"].iloc[0])
        distance = float(with_distance(rows)["distance"].min())
        closest[str(metric)] = round(score_of(distance, higher_is_closer), 6)
    return closest
