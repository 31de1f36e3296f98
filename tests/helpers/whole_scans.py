"""Scans that looked for all seeds, or for too few, and found none."""

from cases import CASE

from seedwitness.config.names import SCANNED_RNG_ALGORITHMS
from seedwitness.records.placement import Placement
from seedwitness.records.seed_scan import Look, LookResult, SeedScan


def make_scan(
    first: int = 2**32,
    step: int = 2**32,
    seen: bool = True,
    placement: Placement | None = None,
    **changes: object,
) -> SeedScan:
    """A scan of that many seeds by each look, without a seed."""
    looks = [
        LookResult(
            looks=[Look(kind=kind, steps=20, placement=placement)],
            end_seed=end,
            elements=1024,
            detectable_correlation=0.2 if seen else None,
        )
        for kind, end in (("first-noise", first), ("step-noise", step))
    ]
    whole = {"rng_algorithms": list(SCANNED_RNG_ALGORITHMS), "end_seed": first, "looks": looks}
    return CASE.scan.model_copy(update={"obstacle": None, "z_needed": 8.0, **whole, **changes})
