"""The record of a seed scan that looked for nothing, for benchmarks that do not scan."""

from __future__ import annotations

from seedwitness.records.seed_scan import SeedScan


def empty_scan(target: str, checkpoint: str, sha256: str) -> SeedScan:
    """A scan record whose note says that no seed was looked for; it scans one seed's range."""
    return SeedScan(
        target=target,
        checkpoint=checkpoint,
        checkpoint_sha256=sha256,
        note="no seed was looked for",
        protocols=["torch-cpu"],
        first_seed=0,
        end_seed=1,
        pictures=1,
        inversions=[],
        steps=20,
        rounds=0,
        elements=0,
        alpha=0.001,
        z_needed=None,
        seen=1.0,
        seeds=[],
        regenerated=None,
    )
