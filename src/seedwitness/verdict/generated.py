"""Is the target an output of the checkpoint? From the scan of the seed space to a finding."""

from __future__ import annotations

from collections.abc import Sequence

from seedwitness.records.findings import GeneratedFinding, Verdict
from seedwitness.records.placement import Placement
from seedwitness.records.reasons import Reason, ReasonValues
from seedwitness.records.seed_scan import SeedCandidate, SeedScan

SEED_SPACE = 2**32

HALF_PRECISIONS = ("float16", "bfloat16")
"""Precisions whose noise by older torch is an RNG algorithm: ``torch-cpu-PRECISION``."""


def judge_generated(scan: SeedScan, low_information: Sequence[Reason]) -> GeneratedFinding:
    """The finding for *generated*: a seed whose noise is in the target, and a recipe to prove it.

    *Supported* needs both: the seed's family-wise p ≤ α, and a recipe that gives the target back at
    least as closely as the checkpoint's own autoencoder could hold it. The seed alone is not
    enough, because close relatives of a checkpoint invert an image to much the same noise. *Not
    supported* needs a scan of all seeds. ``low_information`` is as in ``CaseData``.
    """
    finding, reasons = _conclude(scan, low_information)
    return GeneratedFinding(
        finding=finding,
        reasons=[*reasons, *_answer_claims(scan)],
        limits=[] if scan.obstacle else _list_scan_limits(scan),
        scan=scan,
    )


def _conclude(scan: SeedScan, low_information: Sequence[Reason]) -> tuple[Verdict, list[Reason]]:
    if low_information:
        return "inconclusive", list(low_information)
    if scan.obstacle:
        return "inconclusive", [scan.obstacle]
    best = scan.seeds[0] if scan.seeds else None
    if best is None or scan.regenerated is None:
        reasons = [_describe_miss(scan, best)]
        if scan.is_only_placed:
            sizes = dict.fromkeys(f"{each.width} × {each.height}" for each in scan.placements)
            placed: ReasonValues = {"checkpoint": scan.checkpoint, "sizes": list(sizes)}
            reasons.insert(0, Reason(code="size-only-placed", values=placed))
        is_complete = scan.num_seeds == SEED_SPACE and not scan.is_only_placed
        return "not supported" if is_complete else "inconclusive", reasons
    recovered = Reason(
        code="seed-recovered",
        values={
            "seed": best.seed,
            "rng": best.rng,
            "draw": best.batch_index + 1,
            "z": best.z,
            "z_needed": scan.z_needed,
            "p": best.p,
            "alpha": scan.alpha,
        },
    )
    image, recipe = scan.regenerated, scan.regenerated.recipe
    closeness: ReasonValues = {"rms": image.rms, "round_trip_rms": image.round_trip_rms}
    if not image.matches_round_trip:
        values: ReasonValues = {"tried": image.tried, **closeness}
        return "inconclusive", [Reason(code="recipe-not-found", values=values), recovered]
    settings: ReasonValues = {
        "tried": image.tried,
        "sampler": recipe.sampler,
        "steps": recipe.steps,
        "guidance": recipe.guidance,
    }
    if image.rms == 0:
        return "supported", [recovered, Reason(code="recipe-identical", values=settings)]
    values = {**settings, **closeness}
    return "supported", [recovered, Reason(code="recipe-reproduces", values=values)]


def _describe_miss(scan: SeedScan, best: SeedCandidate | None) -> Reason:
    """What was scanned without a recovered seed, and what would have been recovered."""
    detectable = scan.detectable_correlations
    scanned: ReasonValues = {
        "rng_algorithms": scan.rng_algorithms,
        "first_seed": scan.first_seed,
        "last_seed": scan.end_seed - 1,
        "share": scan.num_seeds / SEED_SPACE,
        "is_complete": scan.num_seeds == SEED_SPACE,
        "first_noise_correlation": detectable.get("first-noise"),
        "step_noise_correlation": detectable.get("step-noise"),
        "inversion_correlation": detectable.get("inversion"),
    }
    if best is None:
        return Reason(code="no-seed-candidate", values=scanned)
    nearest: ReasonValues = {"seed": best.seed, "rng": best.rng, "z": best.z, "p": best.p}
    values = {**scanned, **nearest, "z_needed": scan.z_needed}
    return Reason(code="no-seed-recovered", values=values)


def _answer_claims(scan: SeedScan) -> list[Reason]:
    """What the scan says of the seeds that the file's own metadata names."""
    reasons = []
    for seed in dict.fromkeys(candidate.seed for candidate in scan.seeds if candidate.claimed):
        candidates = [
            candidate for candidate in scan.seeds if candidate.claimed and candidate.seed == seed
        ]
        if any(candidate.recovered for candidate in candidates):
            reasons.append(Reason(code="claimed-seed-recovered", values={"seed": seed}))
        else:
            reasons.append(
                Reason(
                    code="claimed-seed-absent",
                    values={
                        "seed": seed,
                        "rng_algorithms": [candidate.rng for candidate in candidates],
                        "z": max(candidate.z for candidate in candidates),
                    },
                )
            )
    return reasons


def _describe_placement(placement: Placement) -> Reason:
    """How the target differs from the sampled image as a whole."""
    left, top, right, bottom = placement.box
    return Reason(
        code="target-is-placed",
        values={
            "sampled_width": placement.width,
            "sampled_height": placement.height,
            "box": [left, top, right, bottom],
            "left": placement.left,
            "top": placement.top,
            "part_width": placement.part_width,
            "part_height": placement.part_height,
            "mirrored": placement.mirrored,
        },
    )


def _list_scan_limits(scan: SeedScan) -> list[Reason]:
    limits = []
    if scan.num_seeds < SEED_SPACE:
        values: ReasonValues = {
            "share": scan.num_seeds / SEED_SPACE,
            "first_seed": scan.first_seed,
            "last_seed": scan.end_seed - 1,
        }
        limits.append(Reason(code="seed-space-in-part", values=values))
    if scan.regenerated is not None and scan.regenerated.placement is not None:
        limits.append(_describe_placement(scan.regenerated.placement))
    if scan.regenerated is not None and scan.regenerated.matches_round_trip:
        limits.append(Reason(code="near-identical-checkpoint"))
    if scan.unused_settings:
        unused: ReasonValues = {"settings": scan.unused_settings}
        limits.append(Reason(code="claimed-settings-unused", values=unused))
    # By other algorithms each image of a batch has a seed of its own.
    shared = [name for name in scan.rng_algorithms if name.startswith("torch-cpu")]
    has_later_draws = scan.draws > 1 and shared
    limits.append(
        Reason(
            code="scan-scope",
            values={
                "rng_algorithms": scan.rng_algorithms,
                "looks": [str(result.kind) for result in scan.looks],
                "step_seeds": max(
                    (
                        result.end_seed - scan.first_seed
                        for result in scan.looks
                        if result.kind == "step-noise"
                    ),
                    default=0,
                ),
                "placements": len([each for each in scan.placements if not each.is_approximate]),
                "anywhere_seeds": max(
                    (
                        result.end_seed - scan.first_seed
                        for result in scan.looks
                        if any(
                            each.placement and each.placement.is_approximate
                            for each in result.looks
                        )
                    ),
                    default=0,
                ),
                "draws": scan.draws if has_later_draws else 1,
                "shared_generators": shared if has_later_draws else [],
                "half_precisions_not_scanned": [
                    kind
                    for kind in HALF_PRECISIONS
                    if f"torch-cpu-{kind}" not in scan.rng_algorithms
                ],
            },
        )
    )
    return limits
