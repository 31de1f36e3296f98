"""Judges images by the project's own code, from a folder that does not tell the true answers.

    .venv/bin/python -m benchmarks.validation.blind_judgement FOLDER --lab data/lab --scratch DIR

FOLDER holds the ImageFolders `questions`, `controls` and `corpus`. Of the lab only its checkpoints,
its CLIP and its metrics are read, never its truth. Each image is examined with the prompts of every
source in `benchmarks/shared/prompt_sources.py`; under the largest budget only with its caption
stated. Each is judged on lab-memorised with lab-clean as the reference, and the same recipes are
judged on lab-clean. One JSON object goes to stdout.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.shared.budgets import CAPTION_ONLY_BUDGET, STEPS_BY_BUDGET
from benchmarks.shared.case_inputs import (
    RECOVERY_CODE,
    CaseInput,
    benchmark_params,
    corpus_index,
    read_case_inputs,
    read_controls,
)
from benchmarks.shared.changed_settings import change_settings
from benchmarks.shared.empty_scan import empty_scan
from benchmarks.shared.groups import MEMORISED, REFERENCE
from benchmarks.shared.measurement import print_figures
from benchmarks.shared.prompt_sources import STATED
from benchmarks.shared.result_cache import ResultCache
from benchmarks.validation.search_scores import (
    ControlTables,
    TrialScorer,
    closest_scores,
    score_controls,
    trial_table,
)
from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.config.params import Params
from seedwitness.config.verdicts import CopyCriterionSettings, JudgeSettings
from seedwitness.engine.executor import Execution
from seedwitness.engine.latent_cache import Sample
from seedwitness.imaging.perceptual_fingerprint import MAX_PDQ_DISTANCE
from seedwitness.metrics import pdq, scoring
from seedwitness.prompts.recoverer import load_recoverer
from seedwitness.records.findings import CaseFindings, MemorisedFinding, Verdict
from seedwitness.records.tables import CODECS, CONTROL_SCORES, make_typed_frame
from seedwitness.records.target import Provenance
from seedwitness.search import results
from seedwitness.search.case_search import SearchCase, SearchOutcome, search_cases
from seedwitness.targets.refusals import find_low_information
from seedwitness.verdict.case_data import CaseData, distances_by_trial
from seedwitness.verdict.conclusion import conclude
from seedwitness.verdict.copy_counts import count_copies, estimate_blind_rates
from seedwitness.verdict.exclusions import exclusion_reasons
from seedwitness.verdict.judgement import judge_cases
from seedwitness.verdict.own_output import find_own_output_doubt
from seedwitness.verdict.reference_comparison import ReferenceComparison

PDQ_CRITERION = CopyCriterionSettings(
    metric="pdq", threshold=float(MAX_PDQ_DISTANCE), source=pdq.INFO.source
)
"""A copy criterion in place of the one in the project's settings."""

DRAWN = Provenance(date="2026-11-23", source="the lab's truth, which names every picture")
"""Every picture here is the lab's own, and was described before a checkpoint was trained."""


@dataclass(frozen=True)
class Judge:
    """Judges images by their searches, with the checkpoints, metrics and controls in common."""

    params: Params
    loaded: Mapping[str, LoadedCheckpoint]
    scorer: TrialScorer
    controls: Mapping[str, ControlTables]

    def judge_image(
        self,
        source: str,
        case: CaseInput,
        outcome: SearchOutcome,
        reference_samples: Mapping[str, Sample],
    ) -> list[dict[str, Any]]:
        """Findings of one image on both checkpoints, as rows.

        ``outcome`` is the search on lab-memorised; ``reference_samples`` are those of the same
        recipes on lab-clean.
        """
        scores = {
            name: self.scorer.score(self.loaded[name], outcome.recipes, samples, case.image)
            for name, samples in ((MEMORISED, outcome.samples), (REFERENCE, reference_samples))
        }
        cases = [self._case_data(name, case, outcome, scores) for name in (MEMORISED, REFERENCE)]
        findings = judge_cases(cases, self.params.judge)
        return [
            finding_row(source, data, finding, closest_scores(scores[finding.checkpoint]))
            | {
                "nfe": outcome.nfe,
                "by_pdq": conclude_by_pdq(data, finding.memorised, self.params.judge),
            }
            for data, finding in zip(cases, findings, strict=True)
        ]

    def _case_data(
        self,
        checkpoint: str,
        case: CaseInput,
        outcome: SearchOutcome,
        scores: Mapping[str, pd.DataFrame],
    ) -> CaseData:
        loaded, is_reference = self.loaded[checkpoint], checkpoint == REFERENCE
        name, search = case.target.name, self.params.search
        search_case = SearchCase(case.image, tuple(case.prompts["text"]))
        return CaseData(
            target=case.target.model_copy(update={"provenance": DRAWN}),
            checkpoint=loaded.checkpoint,
            low_information=find_low_information(case.target.information, self.params.prepare),
            scores=scores[checkpoint],
            controls=self.controls[checkpoint].scores,
            control_trials=self.controls[checkpoint].trials,
            reference_controls=self.controls[REFERENCE].scores,
            learned=make_typed_frame([], CONTROL_SCORES),
            reference=None if is_reference else self.loaded[REFERENCE].checkpoint,
            reference_scores=scores[REFERENCE][:0] if is_reference else scores[REFERENCE],
            search=results.summarise_search(name, loaded, search, search_case, outcome),
            prompts=case.prompts,
            trials=trial_table(outcome, case, search.strategy.name),
            coded_files=make_typed_frame([], CODECS),
            scan=empty_scan(name, checkpoint, loaded.checkpoint.sha256),
        )


def finding_row(
    source: str, data: CaseData, case: CaseFindings, closest: Mapping[str, float]
) -> dict[str, Any]:
    """The parts of a finding that the validation uses."""
    finding = case.memorised
    return {
        "picture": case.target,
        "way": source,
        "checkpoint": case.checkpoint,
        "finding": finding.finding,
        "p": finding.rank.p,
        "statistic": finding.statistic.value,
        "copies": finding.copies.rate.hits,
        "trials": finding.copies.rate.n,
        "reference_low": finding.reference.low if finding.reference else None,
        "gain_p": finding.gain.rank.p if finding.gain else None,
        "reference_p": finding.gain.reference_p if finding.gain else None,
        "meeting": finding.copies.meeting,
        "bits": case.pass_phrase.bits,
        "bits_low": case.pass_phrase.low,
        "closest": dict(closest),
        "refused": bool(exclusion_reasons(data, finding.rank, finding.copies.criteria)),
        "reason": finding.reasons[0].code,
    }


def conclude_by_pdq(case: CaseData, finding: MemorisedFinding, settings: JudgeSettings) -> Verdict:
    """The answer if copies were those by PDQ, with everything else unchanged."""
    settings = change_settings(settings, copy_criteria=[PDQ_CRITERION])
    distances = distances_by_trial(case.scores)
    pdq_copies = count_copies(case, settings, distances)
    comparison = None
    if case.reference:
        rates = estimate_blind_rates(case, settings, distances)
        comparison = ReferenceComparison(finding.reference, finding.gain, rates)
    reasons = exclusion_reasons(case, finding.rank, pdq_copies.criteria)
    doubt = find_own_output_doubt(case, settings)
    return conclude(reasons, finding.rank, pdq_copies, comparison, doubt, settings)[0]


def load_lab_checkpoints(lab: Path) -> dict[str, LoadedCheckpoint]:
    """The lab's two checkpoints, by name."""
    return {
        name: load_checkpoint(
            name,
            CheckpointSettings(family="diffusers", path=lab / "checkpoints" / name, watch=lab),
        )
        for name in (MEMORISED, REFERENCE)
    }


def judge_folder(folder: Path, lab: Path, scratch: Path, budget: int | None) -> dict[str, Any]:
    """Search, score and judge every image of a folder with the prompts of every source."""
    params = benchmark_params(lab, budget)
    loaded = load_lab_checkpoints(lab)
    metrics = scoring.load_metrics(
        params.score.runnable_metrics, params.score.weights, params.score.batch
    )
    index_folder = corpus_index(folder / "corpus", params, scratch)
    recoverer = load_recoverer(params.clip, params.recover, index_folder)
    index = recoverer.open_index(index_folder)
    ledger = scratch / "ledger"
    scorer = TrialScorer(params, metrics, scratch)
    control_inputs = read_controls(folder, recoverer, index, params)
    controls = {
        name: score_controls(checkpoint, control_inputs, scorer, ledger)
        for name, checkpoint in loaded.items()
    }
    settings = {"index": index_folder.name, "prompts": params.search.prompts}
    settings |= {
        name: getattr(params, name).model_dump(mode="json") for name in ("recover", "lookup")
    }
    cache = ResultCache(scratch, settings, RECOVERY_CODE)
    cases = read_case_inputs(folder, recoverer, index, params, cache)
    if budget == CAPTION_ONLY_BUDGET:
        cases = {name: case for name, case in cases.items() if name.startswith(f"{STATED}/")}
    searches = {
        name: SearchCase(case.image, tuple(case.prompts["text"])) for name, case in cases.items()
    }
    outcomes = search_cases(loaded[MEMORISED], searches, params.search, ledger).outcomes
    recipes = {recipe.id: recipe for outcome in outcomes.values() for recipe in outcome.recipes}
    reference_samples = (
        Execution(
            loaded[REFERENCE],
            list(recipes.values()),
            batch=params.search.batch,
            shard=params.search.shard,
            ledger=ledger,
        )
        .run()
        .samples
    )
    judging = Judge(params, loaded, scorer, controls)
    return {
        "device": str(loaded[MEMORISED].pipeline.device),
        "checkpoints": {name: each.checkpoint.sha256 for name, each in loaded.items()},
        "controls": {
            name: [
                closest_scores(rows)[params.judge.metric] for _, rows in table.groupby("control")
            ]
            for name, tables in controls.items()
            for table in [tables.scores]
        },
        "search": params.search.model_dump(mode="json"),
        "judge": params.judge.model_dump(mode="json"),
        "findings": [
            row
            for name, case in cases.items()
            for row in judging.judge_image(
                name.partition("/")[0], case, outcomes[name], reference_samples
            )
        ],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--budget", type=int, choices=STEPS_BY_BUDGET, help="NFE a case")
    arguments = parser.parse_args()
    print_figures(
        judge_folder(arguments.folder, arguments.lab, arguments.scratch, arguments.budget)
    )
