"""Is the target an output of the checkpoint? From the scan of the seed space to a finding."""

from __future__ import annotations

from collections.abc import Sequence

from seedwitness.records.findings import GeneratedFinding, Verdict
from seedwitness.records.seed_scan import SeedCandidate, SeedScan

SEEDS = 2**32

HALF = ("float16", "bfloat16")
"""Precisions of which older torch's noise has a protocol of its own, ``torch-cpu-`` before it."""


def generated(scan: SeedScan, flat: Sequence[str]) -> GeneratedFinding:
    """The finding for *generated*: a seed whose noise is in the target, and a recipe to prove it.

    *Supported* only where the seed's family-wise p ≤ α, and its recipe gives the target back at
    least as closely as the checkpoint's own autoencoder could hold it. The seed alone is not
    enough: checkpoints that are kin invert a picture to much the same noise. *Not supported* only
    where all seeds were looked at.
    """
    finding, reasons = _concluded(scan, flat)
    return GeneratedFinding(
        finding=finding,
        reasons=[*reasons, *_claims(scan)],
        limits=[] if scan.note else _limits(scan),
        scan=scan,
    )


def _concluded(scan: SeedScan, flat: Sequence[str]) -> tuple[Verdict, list[str]]:
    if flat:
        return "inconclusive", [
            f"The target is too flat to be recognised by: {why}." for why in flat
        ]
    if scan.note:
        return "inconclusive", [scan.note]
    best = scan.seeds[0] if scan.seeds else None
    if best is None or scan.regenerated is None:
        whole = scan.tried == SEEDS
        return "not supported" if whole else "inconclusive", [_nothing(scan, best)]
    said = (
        f"The noise of seed {best.seed} by {best.rng}{_draw(best)} is in the target: z = "
        f"{best.z:.1f}, and no seed is likely to reach {scan.z_needed:.2f} by chance; family-wise "
        f"p = {best.p:.2g}, at most α = {scan.alpha:g}."
    )
    made, recipe = scan.regenerated, scan.regenerated.recipe
    beside = (
        f"{made.rms:.2f} of 255 levels from the target (root mean square), where the checkpoint's "
        f"own autoencoder holds the target to {made.round_trip_rms:.2f}"
    )
    tried = f"Of {made.tried} recipes that were tried with it"
    if made.the_very_image:
        how = f"{recipe.sampler}, {recipe.steps} steps, guidance {recipe.guidance:g}"
        near = "They agree in every pixel." if made.rms == 0 else f"It comes {beside}."
        return "supported", [said, f"{tried}, one gives the target back: {how}. {near}"]
    return "inconclusive", [
        f"{tried}, none gives the target back: the closest comes {beside}. Another prompt or "
        "setting may be right, the picture may have been edited, or a checkpoint that is kin to "
        "this one made it, whose seeds show here too.",
        said,
    ]


def _nothing(scan: SeedScan, best: SeedCandidate | None) -> str:
    protocols = _listed(scan.protocols, "and")
    where = (
        "No seed of all 2^32"
        if scan.tried == SEEDS
        else f"No seed from {scan.first_seed:,} to {scan.end_seed - 1:,}, "
        f"{_share(scan)} of them all,"
    )
    nearest = (
        "none passed the first looks"
        if best is None
        else f"the best, {best.seed} by {best.rng}, reaches z = {best.z:.2f}, and "
        f"{scan.z_needed:.2f} is needed (family-wise p = {best.p:.2g})"
    )
    return (
        f"{where} by {protocols}: {nearest}. Noise that correlates by {scan.seen:.2f} or more with "
        "what the inversion leaves would have been found with a chance of 95 %."
    )


def _claims(scan: SeedScan) -> list[str]:
    """What became of the seeds that the file's own metadata names."""
    said = []
    for seed in dict.fromkeys(each.seed for each in scan.seeds if each.claimed):
        under = [each for each in scan.seeds if each.claimed and each.seed == seed]
        if any(each.recovered for each in under):
            said.append(
                f"The file's own metadata names seed {seed} (modulo 2^32), whose noise is there."
            )
        else:
            highest = max(each.z for each in under)
            said.append(
                f"The file's own metadata names seed {seed} (modulo 2^32), whose noise is not "
                f"there by {_listed([each.rng for each in under], 'or')}: z = {highest:.2f}."
            )
    return said


def _limits(scan: SeedScan) -> list[str]:
    said = []
    if scan.tried < SEEDS:
        said.append(
            f"{_share(scan)} of the seed space was looked at, seeds {scan.first_seed:,} to "
            f"{scan.end_seed - 1:,}: `seedwitness run scan=whole` looks at all."
        )
    if scan.regenerated is not None and scan.regenerated.the_very_image:
        said.append(
            "A checkpoint that differs from this one by so little that it makes the same picture "
            "of the same recipe would be supported as well: compare the hashes of the weights."
        )
    draws, later = "the first draw of its generator", "later pictures"
    shared = [name for name in scan.protocols if name.startswith("torch-cpu")]
    if scan.pictures > 1 and shared:  # by others each picture of a batch has a seed of its own
        by = _listed(shared, "or")
        draws = f"one of the first {scan.pictures} draws of its generator by {by}"
        later = f"pictures after the first {scan.pictures}"
    unseen = [kind for kind in HALF if f"torch-cpu-{kind}" not in scan.protocols]
    half = ""
    if unseen:
        half = f"noise of {_listed(unseen, 'or')} as torch up to 2.11 drew it on the CPU, "
    said.append(
        f"Looked for: the noise of one seed, {draws}, by {_listed(scan.protocols, 'or')}. "
        "Noise that was mixed (variation seeds), resized, or added "
        f"in between (ancestral samplers), {half}{later} of a batch that shares one generator "
        "(ComfyUI), and pictures that were cropped, resized or painted over would not be found; "
        "nor outputs that have forgotten their noise, because they come out nearly the same "
        "whatever the seed: memorised ones above all, and more of them the higher the guidance."
    )
    return said


def _listed(names: Sequence[str], word: str) -> str:
    """Names in a sentence: commas, and ``word`` before the last."""
    *others, last = names
    return f"{', '.join(others)} {word} {last}" if others else last


def _share(scan: SeedScan) -> str:
    """How much of the seed space was looked at, never rounded up to all of it."""
    percent = 100 * scan.tried / SEEDS
    return f"{percent:.2g} %" if percent < 99 else "over 99 %"


def _draw(best: SeedCandidate) -> str:
    return f", draw {best.batch_index + 1} of its generator," if best.batch_index else ""
