"""Reasons and limits of a finding for *exposed*, of one target and of a portfolio."""

from __future__ import annotations

from collections.abc import Callable

from seedwitness.report.wording.numbers import format_p, join_names

PART_NAMES = {"vae": "autoencoder", "text_encoder": "text encoder"}
OBJECTIVE_NAMES = {
    "epsilon": "the noise",
    "v_prediction": "the velocity",
    "sample": "the image",
    "flow_prediction": "the flow",
}
OVERLAPS = {
    "mirrored": "its mirror image",
    "crop": "one is a crop of the other",
    "mirrored crop": "one is a crop of the other’s mirror image",
}


def _gain_at_most_alpha(
    at_least_as_close: int, controls: int, p: float, family: int, p_family: float, alpha: float
) -> str:
    return (
        "The checkpoint denoises the target better than images that it never saw: "
        f"{_count_gains(at_least_as_close, controls, p, family, p_family)}, at most α = {alpha:g}."
    )


def _gain_above_alpha(
    at_least_as_close: int, controls: int, p: float, family: int, p_family: float, alpha: float
) -> str:
    return (
        "The checkpoint does not denoise the target better than images that it never saw: "
        f"{_count_gains(at_least_as_close, controls, p, family, p_family)}, above α = {alpha:g}. "
        "This does not mean that the target was not seen."
    )


def _count_gains(
    at_least_as_close: int, controls: int, p: float, family: int, p_family: float
) -> str:
    adjusted = f", {format_p(p_family)} for {family} checkpoints" if family > 1 else ""
    return (
        f"{at_least_as_close:,} of {controls:,} controls gain as much over the reference, "
        f"p = {format_p(p)}{adjusted}"
    )


def _reference_low(reference: str, p: float) -> str:
    return (
        f"The reference, {reference}, denoises the target better than the controls too "
        f"(p = {format_p(p)}). It may have seen the target, which would hide a gain over it."
    )


def _without_reference() -> str:
    return (
        "There is no reference to compare with. An image that is easy to denoise has a low loss on "
        "every checkpoint, seen or not."
    )


def _overlaps_control(control: str, kind: str) -> str:
    return (
        f"The target and the control {control} show the same: {OVERLAPS[kind]}. A control has to "
        "be an image that the checkpoint never saw."
    )


def _not_finite(checkpoint: str) -> str:
    return (
        f"The denoising loss on {checkpoint} is not a finite number, so it has no rank. With "
        "half precision, set the checkpoint’s dtype to float32."
    )


def _blind_tells_apart(
    group: str,
    features: list[str],
    at_least_as_unusual: int,
    controls: int,
    p: float,
    alpha: float,
) -> str:
    return (
        "The target can be told from the controls without any checkpoint, so that its loss may "
        f"differ for that reason alone. By its {group} it is unusual among them "
        f"({join_names(features, 'and')}): {at_least_as_unusual:,} of {controls:,} controls are as "
        f"unusual, p = {format_p(p)}, at most {alpha:g}. Use controls of the target’s kind."
    )


def _no_copy() -> str:
    return (
        "This is no evidence of copying: it does not show that the checkpoint can bring the image "
        "back. It says how well the checkpoint denoises an image that it is shown."
    )


def _validation() -> str:
    return (
        "This question was validated on small checkpoints of the lab alone. On large published "
        "checkpoints, statistics of this kind were close to chance in the literature."
    )


def _shift() -> str:
    return (
        "Any difference between target and controls that the features do not show, such as the "
        "time or the place of their making, can look like exposure."
    )


def _without_caption() -> str:
    return (
        "No caption was stated, so the losses are those under the empty prompt, under which a "
        "difference is harder to see."
    )


def _controls_without_caption(controls: int) -> str:
    return f"{controls:,} controls have no caption and were left out."


def _controls_without_loss(controls: int, control: str) -> str:
    return (
        f"The loss of {controls:,} controls is not a finite number, of {control} first. They count "
        "as denoised better than the target."
    )


def _reference_other_parts(reference: str, checkpoint: str, parts: list[str]) -> str:
    names = join_names([PART_NAMES[part] for part in parts], "and")
    return (
        f"By its files {reference} has another {names} than {checkpoint}. Its losses are measured "
        "with its own. The rank stays exact, and a gain is harder to see."
    )


def _reference_other_objective(
    reference: str, checkpoint: str, reference_prediction: str, prediction: str
) -> str:
    return (
        f"{reference} was trained to predict {OBJECTIVE_NAMES[reference_prediction]}, and "
        f"{checkpoint} to predict {OBJECTIVE_NAMES[prediction]}. The losses of both are those of "
        "the noise."
    )


def _portfolio_at_most_alpha(
    works: int, held_out: int, p: float, alpha: float, is_paired: bool
) -> str:
    return (
        f"Taken together, the checkpoint denoises the {works:,} works better than the "
        f"{held_out:,} held-out images: {_name_test(is_paired)} p = {format_p(p)}, at most "
        f"α = {alpha:g}."
    )


def _portfolio_above_alpha(
    works: int, held_out: int, p: float, alpha: float, is_paired: bool
) -> str:
    return (
        f"Taken together, the checkpoint does not denoise the {works:,} works better than the "
        f"{held_out:,} held-out images: {_name_test(is_paired)} p = {format_p(p)}, above "
        f"α = {alpha:g}. This does not mean that no work was seen."
    )


def _name_test(is_paired: bool) -> str:
    return "by the signs of their pairs," if is_paired else "by permuted labels,"


def _portfolio_too_small(works: int, min_works: int, held_out: int, min_held_out: int) -> str:
    return (
        f"A portfolio needs {min_works:,} different works and {min_held_out:,} held-out images, "
        f"and there are {works:,} and {held_out:,}. Examine a single work as a target."
    )


def _portfolio_several_artists(artists: list[str]) -> str:
    return (
        f"The works name several artists: {join_names(artists, 'and')}. A finding for all of them "
        "would say nothing of any. Make a portfolio of each."
    )


def _portfolio_work_held_out(work: str, held_out: str) -> str:
    return (
        f"The work {work} is also a held-out image, {held_out}. A held-out image has to be one "
        "that the checkpoint never saw."
    )


def _portfolio_loss_not_finite(image: str) -> str:
    return (
        f"The denoising loss of {image} is not a finite number. With half precision, set the "
        "checkpoint’s dtype to float32."
    )


def _portfolio_blind_tells_apart(
    auc: float, low: float, high: float, works: int, held_out: int, features: list[str]
) -> str:
    return (
        "Works and held-out images can be told apart without any checkpoint, so that their losses "
        f"may differ for that reason alone: a classifier reaches an AUC of {auc:.2f} ({low:.2f} to "
        f"{high:.2f}) for {works:,} and {held_out:,} images, above all by "
        f"{join_names(features, 'and')}. Use held-out images of the same kind, best by the same "
        "author."
    )


def _portfolio_duplicates(works: int, work: str) -> str:
    return f"{works:,} works are the same image as another and were left out, {work} first."


def _portfolio_of_the_set() -> str:
    return (
        "The finding is of the set. It does not say which of the works was seen, or how many of "
        "them."
    )


def _portfolio_outputs() -> str:
    return (
        "A checkpoint’s own outputs have a low loss as well. The works were not scanned for seeds: "
        "they have to be older than the checkpoint, or known to be made without it."
    )


def _portfolio_two_groups(p: float) -> str:
    return (
        f"The works fall in two groups, by features of no model, whose gains differ (p = "
        f"{format_p(p)}). They may be by two hands, or only some of them may have been seen."
    )


EXPOSED: dict[str, Callable[..., str]] = {
    "exposed-gain-at-most-alpha": _gain_at_most_alpha,
    "exposed-gain-above-alpha": _gain_above_alpha,
    "exposed-reference-low": _reference_low,
    "exposed-without-reference": _without_reference,
    "target-overlaps-control": _overlaps_control,
    "loss-not-finite": _not_finite,
    "blind-tells-apart": _blind_tells_apart,
    "exposed-no-copy": _no_copy,
    "exposed-validation": _validation,
    "exposed-shift": _shift,
    "exposed-without-caption": _without_caption,
    "controls-without-caption": _controls_without_caption,
    "controls-without-loss": _controls_without_loss,
    "reference-other-parts": _reference_other_parts,
    "reference-other-objective": _reference_other_objective,
    "portfolio-gain-at-most-alpha": _portfolio_at_most_alpha,
    "portfolio-gain-above-alpha": _portfolio_above_alpha,
    "portfolio-too-small": _portfolio_too_small,
    "portfolio-several-artists": _portfolio_several_artists,
    "portfolio-work-held-out": _portfolio_work_held_out,
    "portfolio-loss-not-finite": _portfolio_loss_not_finite,
    "portfolio-blind-tells-apart": _portfolio_blind_tells_apart,
    "portfolio-duplicates": _portfolio_duplicates,
    "portfolio-of-the-set": _portfolio_of_the_set,
    "portfolio-outputs": _portfolio_outputs,
    "portfolio-two-groups": _portfolio_two_groups,
}
