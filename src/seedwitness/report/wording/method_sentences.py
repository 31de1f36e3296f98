"""The method, the propositions and the answers to objections, in sentences without markup."""

from __future__ import annotations

from seedwitness.config.steps import SearchSettings
from seedwitness.config.verdicts import JudgeSettings
from seedwitness.report.wording.numbers import count_nouns, format_p, format_percent

PROPOSITIONS = {
    "Memorised": (
        "Was the target learned, so that words alone, with arbitrary seeds, bring it back? "
        "Proposition: the checkpoint learned the target. Alternative: it never saw the target, and "
        "the target is exchangeable with the controls."
    ),
    "Generated": (
        "Did the checkpoint make this very file? Proposition: a numbered seed and a recipe of this "
        "checkpoint gave the file. Alternative: the file has nothing to do with the seeds that "
        "were scanned."
    ),
    "Exchangeable": (
        "Nothing but having been learned tells the target from the controls: they went through the "
        "same stages, with prompts found in the same way and the same budget."
    ),
    "Answers": (
        "Supported, not supported or inconclusive. Not supported does not mean that the "
        "alternative is true."
    ),
}
"""The questions and their propositions, by what they explain."""

OBJECTIONS = {
    "“Every image has some latent that decodes to it.”": (
        "No trial of memorised received the target or a latent made from it: the noise comes from "
        "numbered seeds, and a trial counts if text alone leads to the target. Generated begins "
        "with the target, and accepts only the noise of a numbered seed."
    ),
    "“The prompt was so specific that anyone would have drawn that.”": (
        "The same recipes, with the same seeds, ran on the reference checkpoint, which is taken "
        "never to have seen the target. It stands for one other artist, not for all."
    ),
    "“It is easier to draw than the controls.”": (
        "Then the reference checkpoint would come as close with the same stages. If it does, the "
        "finding is not supported."
    ),
    "“The checkpoint made that image; of course it makes it again.”": (
        "Where the noise of a seed is found in the target, nothing is concluded for memorised."
    ),
    "“Try long enough, and anything comes back.”": (
        "Each control had the same budget and counts by the closest of its trials, as the target "
        "does. Luck helps the controls as much as the target."
    ),
    "“The checkpoint was made to do this.”": (
        "This is possible. The report is about the files whose hashes it lists. That they are the "
        "checkpoint in dispute, and when they were made, must be shown by other means."
    ),
}
"""Objections to a finding, each with its answer."""


def word_method(
    search: SearchSettings, judge: JudgeSettings, corpus: int, controls: int, source: str
) -> dict[str, str]:
    """The steps of the procedure in their order, by name."""
    criteria = " and ".join(
        f"{each.metric} {each.threshold:g} ({each.source})" for each in judge.copy_criteria
    )
    refinement = search.refinement
    return {
        "Prompts": (
            f"Prompts that may belong to the target were collected: captions of its nearest "
            f"neighbours in a corpus of {count_nouns(corpus, 'image')}, what its file claims, what "
            "a user states, and phrases that fit its pixels. "
            + (
                f"The first {search.prompts:,} shared the budget."
                if refinement is None
                else "From them further ones were made and ranked on each checkpoint, with "
                f"{refinement.budget_nfe:,} evaluations of the budget and with the target as the "
                f"measure; the first {search.prompts:,} shared the rest. The prompts of controls "
                "were found in the same way."
            )
        ),
        "Trials": (
            "Each checkpoint made images from these prompts and the noise of numbered seeds "
            f"({search.rng}, from seed {search.strategy.first_seed:,}; {search.sampler}, "
            f"{count_nouns(search.steps, 'step')}, guidance {search.guidance:g}), with at most "
            f"{search.budget_nfe:,} evaluations of its denoiser (NFE) for each case. The target "
            + (
                "was never an input."
                if refinement is None
                else "was never an input of a trial, but it decided which prompts were tried."
            )
        ),
        "Scores": (
            f"Every image was compared with the target. The statistic is {judge.metric} of the "
            f"closest image. A copy meets {criteria}."
        ),
        "Controls": (
            f"{count_nouns(controls, 'image')} that are taken to be outside the training set "
            f"({source}) went through the same stages, each like a target whose user states its "
            "caption. p is the share of all of them, the target included, that came at least as "
            "close."
        ),
        "Reference checkpoint": (
            f"The same recipes ran on {judge.reference}, which is taken never to have seen the "
            "target."
        ),
        "Seeds": (
            "For generated, the noise that is left in the target, and that inversion brings out, "
            "was compared with the noise of every scanned seed. With a recovered seed, recipes "
            "were tried for one that gives the target back."
        ),
        "Decision": (
            f"Memorised is supported if p is at most {format_p(judge.alpha)}, adjusted by Holm for "
            "all checkpoints under examination; at least one image is a copy, closer than the "
            "controls by itself; the gain over the reference ranks among those of the controls "
            "with p as small; the reference’s images meet the copy criterion never, or clearly "
            "less often; and the target is not closer than the controls there too. It is not "
            "supported if controls come as close and nothing is a copy. All other cases are "
            "inconclusive. Generated is supported if a seed’s noise is found in the target and "
            "its recipe gives the target back."
        ),
        "Error rate": (
            "If the target was never seen and is exchangeable with the controls, memorised is "
            f"supported in at most {format_percent(judge.alpha)} of such reports, provided that "
            "one analysis plan was fixed beforehand and one attempt made."
        ),
    }
