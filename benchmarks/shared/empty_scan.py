"""The record of a seed scan that looked for nothing, for benchmarks that do not scan."""

from __future__ import annotations

from seedwitness.records.reasons import Reason
from seedwitness.records.seed_scan import SeedScan


def empty_scan(target: str, checkpoint: str, sha256: str) -> SeedScan:
    """A scan record without a scan, as of a target whose size the checkpoint cannot make."""
    return SeedScan(
        target=target,
        checkpoint=checkpoint,
        checkpoint_sha256=sha256,
        obstacle=Reason(
            code="size-not-made", values={"checkpoint": checkpoint, "width": 1, "height": 1}
        ),
        rng_algorithms=["torch-cpu"],
        first_seed=0,
        end_seed=1,
        draws=1,
        rounds=0,
        looks=[],
        alpha=0.001,
        z_needed=None,
        seeds=[],
        regenerated=None,
    )
