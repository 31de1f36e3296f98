"""Why nothing can be concluded of a case, whatever its figures."""

from __future__ import annotations

from collections.abc import Callable

SAME_IMAGE = "by their pixels, or by PDQ and colour"

TABLES = {
    "trials": "trials",
    "reference-trials": "trials on the reference checkpoint",
    "control-trials": "trials of controls",
    "learned-trials": "trials of learned images",
}


def _target_flat(measure: str, value: float, minimum: float) -> str:
    content = {
        "bits_per_pixel": f"its lossless coding takes {value:.3f} bits per pixel more than that of "
        f"a single colour, and the minimum is {minimum:g}",
        "deviation": f"its grey levels have a standard deviation of {value:.3f} of the range from "
        f"black to white, and the minimum is {minimum:g}",
        "busy_tiles": f"{value:.1%} of its tiles of 8 × 8 pixels have structure, and the minimum "
        f"is {minimum:.1%}",
    }
    return f"The target is too flat to be recognised: {content[measure]}."


def _blank_sheet_is_copy(contrast: float, threshold: float) -> str:
    return (
        f"A sheet of one colour comes within {contrast:.3f} of the target by patch-l2 and would be "
        f"a copy, or nearly: the threshold with its margin is {threshold:g}. For so pale an image, "
        "set a stricter threshold or another criterion in judge.copy_criteria."
    )


def _target_among_controls(control: str) -> str:
    return (
        f"The target itself is among the controls, as {control} (the same {SAME_IMAGE}). An image "
        "that is given as one the checkpoint never saw cannot be examined: to examine it, remove "
        "it from the controls."
    )


def _target_generated(seed: int, rng: str) -> str:
    return (
        f"The noise of seed {seed:,} by {rng} is in the target: this model or a close relative "
        "made it. A model's own output is easy for it to repeat, so this test cannot be used."
    )


def _reference_same_weights(reference: str, checkpoint: str) -> str:
    return (
        f"The reference checkpoint {reference} has the same weights as {checkpoint}, so there is "
        "nothing to compare. Name another as judge.reference."
    )


def _score_out_of_range(
    table: str,
    scores: int,
    metric: str,
    score: float,
    lowest: float | None,
    highest: float | None,
) -> str:
    bounds = [
        *([f"{lowest:g} or more"] if lowest is not None else []),
        *([f"{highest:g} or less"] if highest is not None else []),
    ]
    return (
        f"{scores:,} of the scores by {metric}, of {TABLES[table]}, are outside the metric's range "
        f"({' and '.join(bounds)}), for example {score:g}. Check the metric's weights and its code."
    )


def _duplicate_images(group: str, first: str, second: str) -> str:
    return (
        f"{first} and {second} of the {group} are the same image {SAME_IMAGE}, and would count as "
        "two. Remove one of them."
    )


def _control_also_learned(image: str) -> str:
    return (
        f"{image} is among the controls and among the learned images (the same {SAME_IMAGE}). An "
        "image cannot be both: remove it from one of them."
    )


def _controls_in_corpus(controls: int, control: str, match: str) -> str:
    return (
        f"{controls:,} of the controls are in the corpus, for example {control} as {match}. An "
        "image "
        "that the checkpoint may have been trained on is no control: remove them."
    )


EXCLUSIONS: dict[str, Callable[..., str]] = {
    "target-flat": _target_flat,
    "blank-sheet-is-copy": _blank_sheet_is_copy,
    "target-among-controls": _target_among_controls,
    "target-generated": _target_generated,
    "reference-same-weights": _reference_same_weights,
    "score-out-of-range": _score_out_of_range,
    "duplicate-images": _duplicate_images,
    "control-also-learned": _control_also_learned,
    "controls-in-corpus": _controls_in_corpus,
}
