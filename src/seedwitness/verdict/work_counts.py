"""How much was made for a case: prompts, seeds, outputs, and evaluations of the denoiser."""

from __future__ import annotations

import pandas as pd

from seedwitness.records.search import SearchSummary
from seedwitness.records.seed_scan import SeedScan
from seedwitness.records.work import WorkCount, WorkStage
from seedwitness.verdict.case_data import CaseData


def count_case_work(case: CaseData) -> list[WorkCount]:
    """What search, replay and scan made for a case.

    The replay makes the recipes of the search again, so its evaluations are those of its trials.
    """
    names = set(case.reference_scores["trial"])
    replayed = case.trials[case.trials["trial"].isin(names)]
    spent = int(replayed["nfe"].sum())
    return list_work(case.search, case.trials, replayed, spent, case.scan)


def list_work(
    search: SearchSummary,
    trials: pd.DataFrame,
    replayed: pd.DataFrame,
    replay_nfe: int,
    scan: SeedScan,
) -> list[WorkCount]:
    """One entry a stage that made something; the tables are ``records.TRIALS``."""
    rows = [_count_trials(search.checkpoint, "search", trials, search.nfe)]
    if len(replayed):
        rows.append(_count_trials(search.checkpoint, "replay", replayed, replay_nfe))
    if scan.regenerated:
        rows.append(
            WorkCount(
                checkpoint=search.checkpoint,
                stage="scan",
                prompts=len({each.prompt for each in scan.regenerated.nearest}),
                seeds=1,
                outputs=scan.regenerated.tried,
                nfe_spent=None,
                nfe_accounted=None,
            )
        )
    return rows


def _count_trials(checkpoint: str, stage: WorkStage, trials: pd.DataFrame, spent: int) -> WorkCount:
    return WorkCount(
        checkpoint=checkpoint,
        stage=stage,
        prompts=int(trials["prompt"].nunique()),
        seeds=int(trials["seed"].nunique()),
        outputs=len(trials),
        nfe_spent=spent,
        nfe_accounted=int(trials["nfe"].sum()),
    )
