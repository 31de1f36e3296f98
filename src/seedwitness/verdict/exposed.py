"""*Exposed*: does the checkpoint know the target better than images it never saw?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from seedwitness.config.stage_settings import ExposeStage
from seedwitness.records.exposure import BlindCheck, ExposedFinding, LossRank
from seedwitness.records.findings import Rank, Verdict
from seedwitness.records.reasons import Reason, ReasonValues
from seedwitness.statistics.blind_features import rank_unusual
from seedwitness.statistics.ranks import adjust_in_family, rank_among_controls
from seedwitness.statistics.residual_ranks import fit_residuals
from seedwitness.verdict.exposed_limits import list_exposed_limits
from seedwitness.verdict.exposure_data import (
    ExposureCase,
    feature_matrices,
    mean_control_losses,
    mean_loss,
)
from seedwitness.verdict.own_output import find_own_output_doubt, state_provenance
from seedwitness.verdict.rank_reasons import describe_rank, find_too_few_controls

SHOWN_FEATURES = 3


@dataclass(frozen=True)
class RankedLoss:
    """A case's losses and rank, before the family of cases is considered."""

    losses: LossRank
    without_loss: list[str]
    """Controls with no finite loss; they count as closer than the target."""
    without_caption: int
    """Controls that have no caption, where the target has one."""


def judge_exposed(cases: Sequence[ExposureCase], settings: ExposeStage) -> list[ExposedFinding]:
    """The findings of *exposed* for all cases of one target, in the same order.

    The target's loss, less a slope times its loss on the reference, is ranked among the same figure
    of the controls; the slope is that of target and controls together, which leaves the rank exact.
    *Supported* only where p ≤ α by Holm over all cases but the reference's, features of no model do
    not tell the target from the controls, and the scan of the whole seed space has found no seed,
    because a checkpoint's own output has a low loss too.
    """
    ranked = [rank_losses(case, settings.judge.alpha) for case in cases]
    examined = [number for number, case in enumerate(cases) if case.reference]
    findings = []
    for number, case in enumerate(cases):
        family = [_p(ranked[other]) for other in examined if case.reference and other != number]
        own = ranked[number]
        if own.losses.rank:
            adjusted = adjust_in_family(own.losses.rank, family)
            own = RankedLoss(
                own.losses.model_copy(update={"rank": adjusted}),
                own.without_loss,
                own.without_caption,
            )
        blind = check_blindly(case, settings.expose.blind_alpha)
        finding, reasons = conclude_exposed(case, own, blind, settings)
        provenance = state_provenance(case, settings.judge)
        findings.append(
            ExposedFinding(
                checkpoint=case.checkpoint.name,
                checkpoint_sha256=case.checkpoint.sha256,
                finding=finding,
                reasons=reasons,
                limits=[
                    *list_exposed_limits(
                        case, own.losses.rank, own.without_loss, own.without_caption
                    ),
                    *([provenance] if provenance else []),
                ],
                losses=own.losses,
                blind=blind,
            )
        )
    return findings


def _p(ranked: RankedLoss) -> float:
    return ranked.losses.rank.p if ranked.losses.rank else 1.0


def rank_losses(case: ExposureCase, alpha: float) -> RankedLoss:
    """The rank of the target's gain among the controls' gains.

    A control without a finite loss on one of the checkpoints counts as one that gains more, so that
    it can make p larger and never smaller. Without a reference the loss itself is ranked.
    """
    loss = mean_loss(case.losses)
    controls = mean_control_losses(case.control_losses, case.prompt)
    all_controls = case.control_losses["control"].nunique()
    reference_loss, reference_p = None, None
    table = pd.DataFrame({"loss": controls})
    if case.reference:
        reference_loss = mean_loss(case.reference_losses)
        table["reference"] = mean_control_losses(case.reference_control_losses, case.prompt)
    finite = pd.Series(np.isfinite(table.to_numpy()).all(axis=1), index=table.index)
    values = table[finite]
    is_measured = np.isfinite(loss) and (reference_loss is None or np.isfinite(reference_loss))
    slope = gain = rank = None
    if is_measured and reference_loss is not None and len(values):
        on_reference = values["reference"].tolist()
        fit = fit_residuals(loss, reference_loss, values["loss"].tolist(), on_reference)
        slope, gain = fit.slope, -fit.target
        rank = _rank(fit.target, fit.controls.tolist(), int((~finite).sum()), alpha)
        reference_p = rank_among_controls(reference_loss, on_reference, alpha).p
    elif is_measured and len(values):
        gain = float(values["loss"].mean()) - loss
        rank = _rank(loss, values["loss"].tolist(), int((~finite).sum()), alpha)
    return RankedLoss(
        LossRank(
            prompt=case.prompt,
            timesteps=sorted(set(case.losses["timestep"].tolist())),
            noises=int(case.losses["noise_seed"].nunique()),
            nfe=len(case.losses) + len(case.reference_losses) * bool(case.reference),
            loss=loss if np.isfinite(loss) else None,
            reference=case.reference.name if case.reference else None,
            reference_loss=reference_loss
            if reference_loss is not None and np.isfinite(reference_loss)
            else None,
            reference_p=reference_p,
            slope=slope,
            gain=gain,
            rank=rank,
        ),
        without_loss=[str(name) for name in table.index[~finite]],
        without_caption=all_controls - len(table),
    )


def _rank(distance: float, others: list[float], unmeasured: int, alpha: float) -> Rank:
    return rank_among_controls(distance, [*others, *[-np.inf] * unmeasured], alpha)


def check_blindly(case: ExposureCase, alpha: float) -> BlindCheck:
    """Whether features of no model tell the target from the controls, by its exact rank."""
    controls = sorted(set(case.features["image"]) - {""})
    matrices, names = feature_matrices(case.features, controls)
    unusual = rank_unusual(matrices)
    order = np.argsort(-np.abs(unusual.deviations), kind="stable")[:SHOWN_FEATURES]
    return BlindCheck(
        p=unusual.p,
        at_least_as_unusual=unusual.at_least_as_unusual,
        controls=unusual.others,
        alpha=alpha,
        group=unusual.group,
        features=[names[unusual.group][place] for place in order],
    )


def conclude_exposed(
    case: ExposureCase, ranked: RankedLoss, blind: BlindCheck, settings: ExposeStage
) -> tuple[Verdict, list[Reason]]:
    """The finding for *exposed*, and the reasons for it, the decisive one first."""
    exclusions = list_exclusions(case, ranked, blind)
    if exclusions:
        return "inconclusive", exclusions
    rank = ranked.losses.rank
    assert rank is not None  # an excluded case has none
    if too_few := find_too_few_controls(rank, settings.judge):
        return "inconclusive", [too_few]
    figure = Reason(
        code="exposed-gain-at-most-alpha" if rank.is_significant else "exposed-gain-above-alpha",
        values=describe_rank(rank),
    )
    if rank.is_significant:
        doubt = find_own_output_doubt(case, settings.judge)
        if doubt is not None:
            return "inconclusive", [doubt, figure]
        return "supported", [figure]
    reference, p = ranked.losses.reference, ranked.losses.reference_p
    if p is not None and p <= rank.alpha:
        easy = Reason(code="exposed-reference-low", values={"reference": reference, "p": p})
        return "inconclusive", [easy, figure]
    return "not supported", [figure]


def list_exclusions(case: ExposureCase, ranked: RankedLoss, blind: BlindCheck) -> list[Reason]:
    """Why nothing is concluded of *exposed*, whatever the rank; mostly empty."""
    reasons = list(case.low_information)
    for overlap in case.overlaps[:1]:
        values: ReasonValues = {"control": overlap.control}
        if overlap.kind == "same":
            reasons.append(Reason(code="target-among-controls", values=values))
        else:
            reasons.append(
                Reason(code="target-overlaps-control", values={**values, "kind": overlap.kind})
            )
    recovered = next((seed for seed in case.scan.seeds if seed.recovered), None)
    if recovered:
        seed: ReasonValues = {"seed": recovered.seed, "rng": recovered.rng}
        reasons.append(Reason(code="target-generated", values=seed))
    if case.reference and case.reference.sha256 == case.checkpoint.sha256:
        reasons.append(
            Reason(
                code="reference-same-weights",
                values={"reference": case.reference.name, "checkpoint": case.checkpoint.name},
            )
        )
    if ranked.losses.rank is None:
        at_target = ranked.losses.loss is None
        name = case.checkpoint.name if at_target or not case.reference else case.reference.name
        reasons.append(Reason(code="loss-not-finite", values={"checkpoint": name}))
    if blind.tells_apart:
        reasons.append(
            Reason(
                code="blind-tells-apart",
                values={
                    "group": blind.group,
                    "features": blind.features,
                    "at_least_as_unusual": blind.at_least_as_unusual,
                    "controls": blind.controls,
                    "p": blind.p,
                    "alpha": blind.alpha,
                },
            )
        )
    if case.reference is None:
        reasons.append(Reason(code="exposed-without-reference"))
    return reasons
