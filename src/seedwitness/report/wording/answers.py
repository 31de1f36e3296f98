"""The first screen: each question with its answer, for a reader without statistics."""

from __future__ import annotations

from seedwitness.records.findings import Verdict
from seedwitness.records.rates import Rate
from seedwitness.report.figure_evidence import ValidationRun
from seedwitness.report.wording.numbers import (
    count_nouns,
    format_p,
    format_percent,
    format_seed_share,
    join_names,
)

ORIGINS = {
    "caption-of-target": "the caption stored with this very picture",
    "caption-of-other-picture": "the caption of a similar picture",
    "claimed-by-file": "the prompt that the file’s own metadata claims",
    "stated-by-user": "the prompt that a user states",
    "recovered-from-pixels": "a caption guessed from the picture",
}
"""Where a prompt comes from, by its code; the words follow “with”."""

MEMORISED: dict[Verdict, str] = {
    "supported": "Yes: words alone bring it back.",
    "not supported": "Not shown: it did not come back.",
    "inconclusive": "No conclusion, neither for nor against.",
}
GENERATED: dict[Verdict, str] = {
    "supported": "Yes: a numbered seed gives this file.",
    "not supported": "Not shown: the noise of a seed is in it, but no recipe gives it back.",
    "inconclusive": "Not shown, and not excluded.",
}
EXPOSED: dict[Verdict, str] = {
    "supported": "Yes: it denoises the picture better than pictures it never saw.",
    "not supported": "Not shown.",
    "inconclusive": "No conclusion, neither for nor against.",
}
NUM_SEEDS = 2**32

NOT_SHOWN = (
    "How the picture came into the training data, whose it is, or whether anyone has used the "
    "checkpoint to make it.",
    "That a picture was not learned, where the answer is “not shown”: other words, more tries or "
    "another sampler might bring it back.",
    "The probability that an answer is wrong. The strength of an answer is a rate of false alarms.",
    "A reproduction or a copy in law. These are measurements.",
)
"""What no answer shows, one sentence or phrase each."""


def ask_memorised(checkpoint: str) -> str:
    """The question *memorised*, in everyday words."""
    return f"Do words alone make the checkpoint “{checkpoint}” bring this picture back?"


def ask_generated(checkpoint: str) -> str:
    """The question *generated*, in everyday words."""
    return f"Did the checkpoint “{checkpoint}” make this very file?"


def ask_exposed(checkpoint: str) -> str:
    """The question *exposed*, in everyday words."""
    return (
        f"Does the checkpoint “{checkpoint}” know this picture better than pictures it never saw?"
    )


def word_prompt_result(
    origin: str,
    number: int | None,
    copies: int,
    trials: int,
    reference: str | None,
    reference_copies: int,
    reference_trials: int,
) -> str:
    """What the trials with one prompt gave; ``number`` tells prompts of one origin apart."""
    which = f" (prompt {number})" if number is not None else ""
    own = f"With {ORIGINS[origin]}{which}: {_count_copies(copies, trials)}."
    if reference is None or not reference_trials:
        return own
    tries = count_nouns(reference_trials, "try", "tries")
    return f"{own} The reference checkpoint, same words and seeds: {reference_copies:,} in {tries}."


def word_comparison(at_least_as_close: int, controls: int) -> str:
    """How many controls came as close as the target."""
    pictures = count_nouns(controls, "comparison picture")
    if at_least_as_close == 0:
        return f"Of {pictures} that it is taken never to have seen, none came as close."
    return (
        f"Of {pictures} that it is taken never to have seen, {at_least_as_close:,} came at least "
        "as close."
    )


def word_gain(reference: str, at_least_as_close: int, controls: int) -> str:
    """How many controls gain as much over the reference as the target."""
    gained = f"{at_least_as_close:,}" if at_least_as_close else "none"
    pictures = count_nouns(controls, "comparison picture")
    return f"Over the reference {reference}, {gained} of {pictures} gained as much."


def word_provenance(day: str) -> str:
    """On what it rests that the image is no output of the checkpoint, if no scan shows it."""
    return (
        "That the checkpoint did not make the picture itself rests on a stated source of "
        f"{day}, which was not checked."
    )


def word_strength(at_least_as_close: int, controls: int, family: int, p_family: float) -> str:
    """What the rank among controls amounts to, as so many times in so many."""
    times = count_nouns(at_least_as_close + 1, "time")
    often = f"at most {times} in {controls + 1:,}"
    most = f", the most that {controls:,} can show" if at_least_as_close == 0 else ""
    holm = (
        f" Adjusted for the {family:,} checkpoints under examination: p = {format_p(p_family)}."
        if family > 1
        else ""
    )
    return f"Strength: a picture that was never seen comes this close {often}{most}.{holm}"


def word_missed(high: float, prompts: int) -> str:
    """What so many tries without a copy could have missed."""
    averaged = f", averaged over the {prompts:,} prompts," if prompts > 1 else ""
    return (
        f"Copies in up to {format_percent(high)} of such tries{averaged} could have been missed "
        "(95 % interval). This does not show that the picture was not learned."
    )


def word_scan(num_seeds: int, algorithms: int) -> str:
    """How many seeds were compared with the picture, where none was found."""
    share = f"{format_seed_share(num_seeds / NUM_SEEDS)} of all {NUM_SEEDS:,}"
    which = (
        f"None of all {NUM_SEEDS:,} seeds"
        if num_seeds >= NUM_SEEDS
        else (f"None of {num_seeds:,} seeds ({share})")
    )
    ways = f", by {count_nouns(algorithms, 'way', 'ways')} to draw noise," if algorithms > 1 else ""
    return (
        f"{which}{ways} was found in the file. Other seeds, and a file that was cropped, "
        "resized or edited, are not excluded."
    )


def word_corpus(records: int, source: str, same: int, copies: int = 0, altered: int = 0) -> str:
    """Whether the picture is in the corpus.

    Of the nearest records ``same`` are the picture, of which the corpus has ``copies``, and
    ``altered`` are mirrored or cropped copies of it.
    """
    among = f"the {count_nouns(records, 'record')} of the corpus ({source})"
    if same == 0:
        no = f"No. None of the nearest of {among} is this picture by PDQ and colour."
        if altered == 0:
            return no
        are = "is a copy" if altered == 1 else "are copies"
        return (
            f"{no} {count_nouns(altered, 'record')} {are} of it that was mirrored, cropped or "
            "edited. A record in this corpus does not show that a "
            "checkpoint was trained on it."
        )
    are = "is this picture" if same == 1 else "are this picture"
    return (
        f"Yes. {count_nouns(same, 'record')} of {among} {are} by PDQ and colour; copies of it in "
        f"the whole corpus: {max(same, copies):,}. A record in this corpus does not show that a "
        "checkpoint was trained on it."
    )


def word_validation(run: ValidationRun) -> str:
    """What one validation run found."""
    learned = join_names(
        [
            f"{each.supported.hits:,} of {each.supported.n:,} shown {each.exposures:,} times"
            for each in run.dose
        ],
        "and",
    )
    return (
        f"Test models “{run.lab}”, {run.budget_nfe:,} NFE, {run.controls:,} controls: false alarms "
        f"{_count_rate(run.not_learned)}; found {learned} in each pass of the training."
    )


def introduce_validation(is_same_procedure: bool) -> str:
    """What the runs are, before their rates."""
    if is_same_procedure:
        return (
            "This very procedure, with this budget, was tested blind on pictures whose true answer "
            "is known, on small models that were trained for the test."
        )
    return (
        "This procedure was not tested with these settings and this rule. With others it was "
        "tested blind on pictures whose true answer is known, on small models that were trained "
        "for the test:"
    )


def _count_copies(copies: int, trials: int) -> str:
    if trials == 0:
        return "not tried"
    return f"{count_nouns(copies, 'copy', 'copies')} in {count_nouns(trials, 'try', 'tries')}"


def _count_rate(rate: Rate) -> str:
    return f"{rate.hits:,} of {rate.n:,} (95 % interval up to {format_percent(rate.high)})"
