"""Phrases that stand inside a sentence, a table or a label."""

from __future__ import annotations

from collections.abc import Callable

from seedwitness.records.search import TargetResize

LAB_WEIGHTS = "lab weights"

SETTINGS_CODE = (
    "sampler and RNG algorithm 1 of 8 each, number format 1 of 4; steps, width and height in "
    "eighths, guidance in tenths and eta in thousandths in Elias’s delta code; the negative prompt "
    "as the prompt"
)
"""How the bits of a recipe's settings are counted: ``shortest_phrase.count_settings_bits``."""

RATES = {
    "copies": "trials that are copies",
    "reference-copies": "trials that are copies, on the reference checkpoint",
    "control-copies": "controls with at least one copy of themselves",
    "seed-copies": "blind seeds that give a copy",
    "reference-seed-copies": "of the same seeds on the reference checkpoint",
    "learned-misleading": "learned images with a ratio below 1",
    "controls-misleading": "controls with a ratio above 1",
}
"""What a rate counts, by its code."""

SELECTIONS = {"closest-trial": "the closest of all trials"}
"""Whose score a statistic is, by its code."""

BASES = {"median-copy": "the median copy", "closest-trial": "the closest trial"}
"""Whose score stands for a pass phrase, by its code."""


RESIZE_RULES = {
    "stretch": "target stretched from {} × {} to {} × {} by Lanczos",
    "crop": "target cut to the middle of its {} × {} and scaled to {} × {} by Lanczos",
    "letterbox": "target scaled from {} × {} into {} × {} by Lanczos, with white bars",
}
"""What a resize rule does, by its name."""


def word_resize(resize: TargetResize) -> str:
    """How the target was brought to the size at which it was compared."""
    before, after = (resize.target_width, resize.target_height), (resize.width, resize.height)
    if before == after:
        return "target compared at its own size, {} × {}".format(*after)
    return RESIZE_RULES[resize.rule].format(*before, *after)


def title_metric(metric: str, label: str) -> str:
    """A metric's name, with a note where lab weights replace the published ones."""
    return f"{metric} ({label})" if label == LAB_WEIGHTS else metric


def _one_control_fewer() -> str:
    return "one control fewer, in the worst case"


def _ranked_by_metric(metric: str, label: str) -> str:
    return f"ranked by {title_metric(metric, label)}"


def _half_of_trials(half: int) -> str:
    return f"half {half} of the trials"


def _target_learned(checkpoint: str) -> str:
    return (
        f"{checkpoint} has learned the target as it has the learned images, and prompts that "
        "belong to the target are among those that were tried, as for the learned images"
    )


def _target_never_seen(checkpoint: str) -> str:
    return f"{checkpoint} never saw the target, as it is taken never to have seen the controls"


def _support(strength: str, favours: str) -> str:
    return f"{strength} support for {favours}"


def _no_support() -> str:
    return "no support for either"


def _likelihood_case_excluded() -> str:
    return (
        "No likelihood ratio is given, because nothing can be concluded of this case: the findings "
        "say why."
    )


def _likelihood_target_generated() -> str:
    return (
        "No likelihood ratio is given, because the noise of a seed is in the target. A model's own "
        "output is easy for it to repeat without having been learned, and neither proposition is "
        "about that."
    )


def _likelihood_too_few_images(learned: int, controls: int, needed: int) -> str:
    return (
        f"No likelihood ratio is given, because it needs at least {needed:,} images that this "
        f"checkpoint is known to have learned and {needed:,} controls: {learned:,} and "
        f"{controls:,} are "
        "known."
    )


def _likelihood_no_separation() -> str:
    return (
        "No likelihood ratio is given, because the learned images come no closer than the "
        "controls: the metric does not separate the two."
    )


def _closest_trial(metric: str, label: str) -> str:
    return f"the closest of all trials by {title_metric(metric, label)}"


def _closest_copy(metric: str, label: str) -> str:
    return f"the closest copy by {title_metric(metric, label)}"


def _close_with_image(metric: str, label: str) -> str:
    return f"among the closest by {title_metric(metric, label)} whose images were kept"


PHRASES: dict[str, Callable[..., str]] = {
    "one-control-fewer": _one_control_fewer,
    "ranked-by-metric": _ranked_by_metric,
    "half-of-trials": _half_of_trials,
    "target-learned": _target_learned,
    "target-never-seen": _target_never_seen,
    "support": _support,
    "no-support": _no_support,
    "likelihood-case-excluded": _likelihood_case_excluded,
    "likelihood-target-generated": _likelihood_target_generated,
    "likelihood-too-few-images": _likelihood_too_few_images,
    "likelihood-no-separation": _likelihood_no_separation,
    "closest-trial": _closest_trial,
    "closest-copy": _closest_copy,
    "close-with-image": _close_with_image,
}
