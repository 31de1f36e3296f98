"""Invented findings of a case, for projects whose numbers mean nothing."""

from __future__ import annotations

from benchmarks.shared.empty_scan import empty_scan
from seedwitness.records.findings import (
    CaseFindings,
    CopyCount,
    CopyCriterion,
    MemorisedFinding,
    Rank,
    RankedStatistic,
)
from seedwitness.records.pass_phrase import PassPhrase, SeedCost
from seedwitness.records.rates import Rate
from seedwitness.records.reasons import Reason
from seedwitness.statistics.ranks import bound_error_rate
from seedwitness.verdict.conclusion import state_error_rate
from seedwitness.verdict.generated import judge_generated


def case_findings(target: str, checkpoint: str) -> CaseFindings:
    """Findings of a case, with a statistic, a rank and the copies by one metric."""
    rank = Rank(
        at_least_as_close=0,
        controls=104,
        planned=104,
        p=1 / 105,
        family=1,
        p_family=1 / 105,
        resolution=1 / 105,
        alpha=0.01,
        conditional_alpha=bound_error_rate(104, 0.01),
    )
    copies = Rate(hits=2, n=6, low=0.04, high=0.78, what="copies")
    return CaseFindings(
        target=target,
        checkpoint=checkpoint,
        checkpoint_sha256="c" * 64,
        origin="seen",
        memorised=MemorisedFinding(
            finding="supported",
            reasons=[Reason(code="rank-at-most-alpha", values=rank.model_dump(mode="json"))],
            error_rate=state_error_rate([], rank),
            limits=[],
            statistic=RankedStatistic(
                metric="descriptor",
                version="1",
                label="lab weights",
                weights_sha256="d" * 64,
                higher_is_closer=True,
                value=0.75,
                selection="closest-trial",
            ),
            rank=rank,
            copies=CopyCount(
                criteria=[
                    CopyCriterion(
                        metric="patch-l2",
                        threshold=0.15,
                        stated=0.15,
                        higher_is_closer=False,
                        source="invented",
                    )
                ],
                rank_threshold=0.5,
                rate=copies,
                ranked=2,
                meeting=2,
                best_trial=None,
                reference_rate=None,
            ),
            reference=None,
            gain=None,
            likelihood=None,
            no_likelihood=Reason(code="likelihood-too-few-images"),
        ),
        generated=judge_generated(empty_scan(target, checkpoint, "c" * 64), ()),
        pass_phrase=PassPhrase(
            prompt=f"a red {target}",
            prompt_rank=1,
            prompt_bits=40,
            settings_bits=50,
            seeds=SeedCost(copies=copies, bits=1.58, low=0.36, high=4.64),
            bits=91.58,
            low=90.36,
            high=94.64,
            reference=None,
            comparisons=[],
        ),
    )
