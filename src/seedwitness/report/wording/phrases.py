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


def _comes_back_as_learned(checkpoint: str) -> str:
    return (
        f"on {checkpoint} the target comes back for its prompts as the images that it is known to "
        "have learned come back for theirs"
    )


def _comes_back_as_unseen(checkpoint: str) -> str:
    return (
        f"on {checkpoint} the target comes back no more than images that it never saw. An image "
        "that was seen and not learned does the same"
    )


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


def _likelihood_no_stated_prompt() -> str:
    return (
        "No likelihood ratio is given, because only recovered prompts were tried, and the learned "
        "images were asked for by their own captions. State the target’s caption, or search a "
        "corpus that holds it."
    )


def _likelihood_misleads(cllr: float) -> str:
    return (
        "No likelihood ratio is given, because those of the known images mislead on average: "
        f"their cost Cllr is {cllr:.2f} bits, and a ratio that is always 1 costs 1."
    )


def _likelihood_controls_stopped() -> str:
    return (
        "No likelihood ratio is given, because controls were drawn only until the rank was decided."
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
    "comes-back-as-learned": _comes_back_as_learned,
    "comes-back-as-unseen": _comes_back_as_unseen,
    "support": _support,
    "no-support": _no_support,
    "likelihood-case-excluded": _likelihood_case_excluded,
    "likelihood-target-generated": _likelihood_target_generated,
    "likelihood-too-few-images": _likelihood_too_few_images,
    "likelihood-no-separation": _likelihood_no_separation,
    "likelihood-no-stated-prompt": _likelihood_no_stated_prompt,
    "likelihood-misleads": _likelihood_misleads,
    "likelihood-controls-stopped": _likelihood_controls_stopped,
    "closest-trial": _closest_trial,
    "closest-copy": _closest_copy,
    "close-with-image": _close_with_image,
}
