"""What limits a finding for *exposed*, for one target and for a portfolio."""

from __future__ import annotations

from collections.abc import Sequence

from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.findings import Rank
from seedwitness.records.reasons import Reason
from seedwitness.verdict.exposure_data import ExposureCase


def list_exposed_limits(
    case: ExposureCase, rank: Rank | None, without_loss: Sequence[str], without_caption: int
) -> list[Reason]:
    """The limits of the finding for *exposed*, of whatever finding it is."""
    limits = [Reason(code="exposed-no-copy"), Reason(code="exposed-validation")]
    if rank:
        limits.append(
            Reason(
                code="p-resolution",
                values={"controls": rank.controls, "resolution": rank.resolution},
            )
        )
    if rank and rank.conditional_alpha:
        limits.append(
            Reason(
                code="conditional-error-rate",
                values={
                    "controls": rank.controls,
                    "alpha": rank.alpha,
                    "bound": rank.conditional_alpha,
                },
            )
        )
    if not case.prompt:
        limits.append(Reason(code="exposed-without-caption"))
    if without_caption:
        limits.append(Reason(code="controls-without-caption", values={"controls": without_caption}))
    if without_loss:
        limits.append(
            Reason(
                code="controls-without-loss",
                values={"controls": len(without_loss), "control": without_loss[0]},
            )
        )
    if case.reference:
        objectives = [
            str(losses["objective"].iloc[0]) for losses in (case.losses, case.reference_losses)
        ]
        limits += compare_components(case.checkpoint, case.reference, *objectives)
    return [*limits, Reason(code="exposed-shift")]


def compare_components(
    checkpoint: CheckpointIdentity,
    reference: CheckpointIdentity,
    objective: str,
    reference_objective: str,
) -> list[Reason]:
    """How the reference differs in more than its training set, as far as files tell."""
    parts = [
        name
        for name in ("vae", "text_encoder")
        if _files(checkpoint, name) != _files(reference, name)
    ]
    reasons = []
    if parts:
        reasons.append(
            Reason(
                code="reference-other-parts",
                values={
                    "reference": reference.name,
                    "checkpoint": checkpoint.name,
                    "parts": parts,
                },
            )
        )
    if objective != reference_objective:
        reasons.append(
            Reason(
                code="reference-other-objective",
                values={
                    "reference": reference.name,
                    "checkpoint": checkpoint.name,
                    "reference_prediction": reference_objective,
                    "prediction": objective,
                },
            )
        )
    return reasons


def _files(checkpoint: CheckpointIdentity, name: str) -> list[str]:
    """The hashes of a component's weights; a configuration may differ in words alone."""
    return sorted(
        sha256
        for component in checkpoint.components
        if component.name == name
        for file, sha256 in component.files.items()
        if not file.endswith(".json")
    )
