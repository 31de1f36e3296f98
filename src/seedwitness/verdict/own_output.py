"""May the target be an output of the checkpoint itself? Such an image comes back without learning.

A checkpoint repeats its own outputs as easily as pictures that it learned, so nothing that rests on
coming back tells the two apart. Two things do: no seed has its noise in the target, of all seeds;
or the image is older than the checkpoint, by a dated source that somebody states.
"""

from __future__ import annotations

from typing import Protocol

from seedwitness.config.names import SCANNED_RNG_ALGORITHMS
from seedwitness.config.verdicts import JudgeSettings
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.reasons import Reason, ReasonValues
from seedwitness.records.seed_scan import LookKind, SeedScan
from seedwitness.records.target import TargetRecord
from seedwitness.verdict.generated import SEED_SPACE

REQUIRED_LOOKS: tuple[LookKind, ...] = ("first-noise", "step-noise")
"""Looks that have to cover all seeds: for deterministic and for ancestral samplers."""


class ScannedCase(Protocol):
    """What is asked of a case, whatever its question is."""

    @property
    def target(self) -> TargetRecord:
        """The target, with its stated provenance."""

    @property
    def checkpoint(self) -> CheckpointIdentity:
        """The checkpoint under examination."""

    @property
    def scan(self) -> SeedScan:
        """The scan of the target for seeds of the checkpoint."""


def find_own_output_doubt(case: ScannedCase, settings: JudgeSettings) -> Reason | None:
    """Why the target may be an output of the checkpoint; None where that is excluded.

    It is excluded by a scan of all seeds under every RNG algorithm that can be scanned, by the
    looks for deterministic and for ancestral samplers, or by a stated provenance that predates the
    day on which the checkpoint was published, as ``settings.published`` states it.
    """
    if state_provenance(case, settings) is not None:
        return None
    shares = {kind: find_scanned_share(case.scan, kind) for kind in REQUIRED_LOOKS}
    missing = [name for name in SCANNED_RNG_ALGORITHMS if name not in case.scan.rng_algorithms]
    if min(shares.values()) == 1 and not missing:
        return None
    values: ReasonValues = {
        "checkpoint": case.checkpoint.name,
        "share": shares["first-noise"],
        "step_share": shares["step-noise"],
        "missing": missing,
    }
    return Reason(code="own-output-not-excluded", values=values)


def state_provenance(case: ScannedCase, settings: JudgeSettings) -> Reason | None:
    """The claim that the target is older than the checkpoint; None where none is stated.

    Dates are those of ISO 8601, whose order as text is that of the days.
    """
    published = settings.published.get(case.checkpoint.name)
    provenance = case.target.provenance
    if provenance is None or published is None or provenance.date >= published:
        return None
    return Reason(
        code="provenance-stated",
        values={
            "date": provenance.date,
            "source": provenance.source,
            "checkpoint": case.checkpoint.name,
            "published": published,
        },
    )


def find_scanned_share(scan: SeedScan, kind: LookKind) -> float:
    """The share of all seeds that looks at the target as it is were made for, of a kind.

    It is 0 where they saw nothing, or where the target was looked at only as a part or another form
    of an image.
    """
    if scan.obstacle:
        return 0.0
    ends = [
        result.end_seed
        for result in scan.looks
        if result.kind == kind
        and result.detectable_correlation is not None
        and any(look.placement is None for look in result.looks)
    ]
    return (max(ends) - scan.first_seed) / SEED_SPACE if ends else 0.0
