"""Reasons and limits of a finding for *generated*."""

from __future__ import annotations

from collections.abc import Callable

from seedwitness.report.wording.numbers import format_p, format_seed_share, join_names


def _target_too_large(
    checkpoint: str, width: int, height: int, made_width: int, made_height: int, max_area_ratio: int
) -> str:
    return (
        f"The seeds were not scanned, because the target has {width:,} × {height:,} pixels, more "
        "than "
        f"{max_area_ratio} times what {checkpoint} makes ({made_width:,} × {made_height:,})."
    )


def _size_not_made(checkpoint: str, width: int, height: int) -> str:
    return (
        f"The seeds were not scanned, because {checkpoint} cannot make images of {width:,} × "
        f"{height:,} pixels. If it made the target, the target was cropped or resized afterwards, "
        "and then its noise does not match the noise of any seed."
    )


def _size_only_placed(checkpoint: str, sizes: list[str]) -> str:
    return (
        f"{checkpoint} cannot make images of the target's own size, so the target was looked at as "
        f"laid into images of {join_names(sizes, 'and')} pixels. If it was cropped or resized in "
        "another way, its noise does not match the noise of any seed."
    )


def _no_seed_candidate(
    rng_algorithms: list[str],
    first_seed: int,
    last_seed: int,
    share: float,
    is_complete: bool,
    first_noise_correlation: float | None,
    step_noise_correlation: float | None,
    inversion_correlation: float | None,
) -> str:
    scanned = _describe_scan(rng_algorithms, first_seed, last_seed, share, is_complete)
    return (
        f"{scanned} was recovered: none passed the first stage of the scan. "
        f"{_describe_power(first_noise_correlation, step_noise_correlation, inversion_correlation)}"
    )


def _no_seed_recovered(
    rng_algorithms: list[str],
    first_seed: int,
    last_seed: int,
    share: float,
    is_complete: bool,
    first_noise_correlation: float | None,
    step_noise_correlation: float | None,
    inversion_correlation: float | None,
    seed: int,
    rng: str,
    z: float,
    p: float,
    z_needed: float,
) -> str:
    scanned = _describe_scan(rng_algorithms, first_seed, last_seed, share, is_complete)
    return (
        f"{scanned} was recovered: the best, {seed:,} by {rng}, reaches z = {z:.2f}, and "
        f"{z_needed:.2f} is needed (family-wise p = {format_p(p)}). "
        f"{_describe_power(first_noise_correlation, step_noise_correlation, inversion_correlation)}"
    )


def _describe_scan(
    rng_algorithms: list[str], first_seed: int, last_seed: int, share: float, is_complete: bool
) -> str:
    seeds = (
        "No seed of all 2^32"
        if is_complete
        else f"No seed from {first_seed:,} to {last_seed:,}, {format_seed_share(share)} of them "
        "all,"
    )
    return f"{seeds} by {join_names(rng_algorithms, 'and')}"


def _describe_power(
    first_noise: float | None, step_noise: float | None, inversion: float | None
) -> str:
    looks = [
        (first_noise, "with what the initial noise leaves in the encoded target"),
        (step_noise, "with what the noise of an ancestral sampler's steps leaves in it"),
        (inversion, "with the inverted target"),
    ]
    least = [f"{least:.3f} {what}" for least, what in looks if least is not None]
    if not least:
        return "The target is so plain that no noise could have been found in it."
    return (
        f"Noise with a correlation of at least {join_names(least, 'or')} would have been recovered "
        "with a chance of 95 %."
    )


def _seed_recovered(
    seed: int, rng: str, draw: int, z: float, z_needed: float, p: float, alpha: float
) -> str:
    generator = f", draw {draw} of its generator," if draw > 1 else ""
    return (
        f"The noise of seed {seed:,} by {rng}{generator} is in the target: z = {z:.1f}, and no "
        f"seed is likely to reach {z_needed:.2f} by chance. The family-wise p = {format_p(p)} is "
        "at "
        f"most α = {alpha:g}."
    )


def _recipe_identical(tried: int, sampler: str, steps: int, guidance: float) -> str:
    recipe = _describe_recipe(tried, sampler, steps, guidance)
    return f"{recipe} The two images agree in every pixel."


def _recipe_reproduces(
    tried: int, sampler: str, steps: int, guidance: float, rms: float, round_trip_rms: float
) -> str:
    recipe = _describe_recipe(tried, sampler, steps, guidance)
    return f"{recipe} It comes {_describe_closeness(rms, round_trip_rms)}."


def _recipe_not_found(tried: int, rms: float, round_trip_rms: float) -> str:
    return (
        f"Of {tried:,} recipes that were tried with this seed, none gives the target back: the "
        f"closest comes {_describe_closeness(rms, round_trip_rms)}. Another prompt or setting may "
        "be right, the image may have been edited, or a close relative of this checkpoint made it, "
        "whose seeds are recovered here too."
    )


def _describe_recipe(tried: int, sampler: str, steps: int, guidance: float) -> str:
    return (
        f"Of {tried:,} recipes that were tried with this seed, one gives the target back: "
        f"{sampler}, "
        f"{steps} steps, guidance {guidance:g}."
    )


def _describe_closeness(rms: float, round_trip_rms: float) -> str:
    return (
        f"within {rms:.2f} of 255 levels of the target (root mean square); the checkpoint's own "
        f"autoencoder holds the target to within {round_trip_rms:.2f}"
    )


def _claimed_seed_recovered(seed: int) -> str:
    return (
        f"The file's own metadata names seed {seed:,} (modulo 2^32), and its noise is in the "
        "target."
    )


def _claimed_seed_absent(seed: int, rng_algorithms: list[str], z: float) -> str:
    return (
        f"The file's own metadata names seed {seed:,} (modulo 2^32), and its noise is not in the "
        f"target by {join_names(rng_algorithms, 'or')}: z = {z:.2f}."
    )


def _seed_space_in_part(share: float, first_seed: int, last_seed: int) -> str:
    return (
        f"{format_seed_share(share)} of the seed space was scanned, seeds {first_seed:,} to "
        f"{last_seed:,}: `seedwitness run scan=whole` scans all of it."
    )


def _target_is_placed(
    sampled_width: int,
    sampled_height: int,
    box: list[int],
    left: int,
    top: int,
    part_width: int,
    part_height: int,
    mirrored: bool,
) -> str:
    width, height = box[2] - box[0], box[3] - box[1]
    mirror = "the mirror image of " if mirrored else ""
    whole = f"an image of {sampled_width:,} × {sampled_height:,} pixels"
    is_piece = (part_width, part_height) != (sampled_width, sampled_height)
    piece = ""
    if is_piece:
        piece = f"a piece of {part_width:,} × {part_height:,} pixels, from ({left:,}, {top:,}), of "
    resized = ""
    if (width, height) != (part_width, part_height):
        resized = f", resized to {width:,} × {height:,}"
    inside = f", inside of a border at ({box[0]:,}, {box[1]:,})" if box[0] or box[1] else ""
    return (
        f"The target is {mirror}{piece}{whole} that was sampled{resized}{inside}. All comparisons "
        "are of this part."
    )


def _near_identical_checkpoint() -> str:
    return (
        "A checkpoint that differs so little from this one that it makes the same image from the "
        "same recipe would be supported as well: compare the hashes of the weights."
    )


def _claimed_settings_unused(settings: list[str]) -> str:
    return (
        f"The file's own metadata names settings that were not tried, because this version samples "
        f"without them: {'; '.join(settings)}. A recipe without them gives another image."
    )


def _scan_scope(
    rng_algorithms: list[str],
    looks: list[str],
    step_seeds: int,
    placements: int,
    anywhere_seeds: int,
    draws: int,
    shared_generators: list[str],
    half_precisions_not_scanned: list[str],
) -> str:
    placed = ""
    if placements:
        how = "one way" if placements == 1 else f"{placements:,} ways"
        placed = f", other than in {how} that were tried for the first noise"
        if anywhere_seeds:
            placed += f" (cropped anywhere: of the first {anywhere_seeds:,} seeds)"
    which, later = "the first draw of its generator", "later images"
    if draws > 1:
        which = (
            f"one of the first {draws} draws of its generator by "
            f"{join_names(shared_generators, 'or')}"
        )
        later = f"images after the first {draws}"
    half = ""
    if half_precisions_not_scanned:
        names = join_names(half_precisions_not_scanned, "or")
        half = f"noise of {names} as torch up to 2.11 drew it on the CPU; "
    steps, added = "", "added during sampling (ancestral and stochastic samplers)"
    if "step-noise" in looks:
        steps = (
            f", or, for the first {step_seeds:,} seeds and those that the file names, the noise "
            "that an ancestral sampler draws after each step"
        )
        added = "drawn from a Brownian tree (DPM++ SDE)"
    return (
        f"The scan looks for the noise of one seed, {which}, by {join_names(rng_algorithms, 'or')}"
        f"{steps}. It does not find: noise that was mixed in equal parts (variation seeds), "
        f"resized, or {added}; {half}{later} of a batch that shares one generator (ComfyUI); "
        f"images that were cropped, resized or mirrored{placed}, or painted over; and images that "
        "look the same whatever the seed, above all memorised ones, and more of them the higher "
        "the guidance."
    )


GENERATED: dict[str, Callable[..., str]] = {
    "target-too-large": _target_too_large,
    "size-not-made": _size_not_made,
    "size-only-placed": _size_only_placed,
    "no-seed-candidate": _no_seed_candidate,
    "no-seed-recovered": _no_seed_recovered,
    "seed-recovered": _seed_recovered,
    "recipe-identical": _recipe_identical,
    "recipe-reproduces": _recipe_reproduces,
    "recipe-not-found": _recipe_not_found,
    "claimed-seed-recovered": _claimed_seed_recovered,
    "claimed-seed-absent": _claimed_seed_absent,
    "seed-space-in-part": _seed_space_in_part,
    "target-is-placed": _target_is_placed,
    "near-identical-checkpoint": _near_identical_checkpoint,
    "claimed-settings-unused": _claimed_settings_unused,
    "scan-scope": _scan_scope,
}
