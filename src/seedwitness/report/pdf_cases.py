"""Pictures and findings of each case, as plain values for the PDF."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seedwitness.records.findings import ReferenceGain
from seedwitness.report.evidence import CaseEvidence, CitedTrial, Evidence
from seedwitness.report.first_screen import make_first_screen
from seedwitness.report.formatting import title_in_case
from seedwitness.report.wording.answers import ORIGINS
from seedwitness.report.wording.numbers import format_p, round_for_reading

SHOWN_TRIALS = 4


def list_first_pictures(evidence: Evidence) -> Iterator[dict[str, str]]:
    """The pictures of the first screen, each with a caption and a text alternative."""
    screen = make_first_screen(evidence)
    shown, closest = screen.shown, screen.closest
    yield {"path": evidence.image, "caption": "Target", "alt": f"Target {evidence.target.name}"}
    if shown.recovered and shown.generated.scan.regenerated:
        made = shown.generated.scan.regenerated
        yield {
            "path": shown.recovered.image,
            "caption": f"Made again from seed {made.recipe.seed:,} by {shown.checkpoint}",
            "alt": f"Made by {shown.checkpoint} from the recovered seed",
        }
    if closest and closest.image:
        yield {
            "path": closest.image,
            "caption": f"Closest picture made from words alone by {shown.checkpoint}, seed "
            f"{closest.recipe.seed:,}: {_name_copy(closest.is_copy)}",
            "alt": f"Closest picture that {shown.checkpoint} made from words",
        }
    if closest and closest.reference_image and not shown.recovered:
        yield {
            "path": closest.reference_image,
            "caption": f"Same words, same seed on the reference: "
            f"{_name_copy(closest.is_reference_copy)}",
            "alt": "Made by the reference checkpoint from the same words and seed",
        }


def show_case(case: CaseEvidence, evidence: Evidence) -> dict[str, Any]:
    """The pictures of a case: closest trials, the same on the reference, closest control."""
    kept = [cited for cited in case.cited if cited.image][:SHOWN_TRIALS]
    metric = evidence.plan.judge.metric
    control = case.closest_control
    return {
        "checkpoint": case.checkpoint,
        "trials": [
            {
                "path": cited.image,
                "caption": f"Seed {cited.recipe.seed:,}, {_score(cited, metric)}: "
                f"{_name_copy(cited.is_copy)}",
                "alt": f"Made by {case.checkpoint}, seed {cited.recipe.seed}",
            }
            for cited in kept
        ],
        "reference": [
            {
                "path": cited.reference_image,
                "caption": f"Seed {cited.recipe.seed:,}: {_name_copy(cited.is_reference_copy)}",
                "alt": f"Made by the reference, seed {cited.recipe.seed}",
            }
            for cited in kept
            if cited.reference_image
        ],
        "control": [
            {"path": path, "caption": caption, "alt": caption}
            for path, caption in (
                (control.image, "The control that came back closest"),
                (
                    control.regeneration,
                    f"Its closest picture, {metric} {round_for_reading(control.score)}",
                ),
            )
            if path
        ]
        if control
        else [],
    }


def show_findings(case: CaseEvidence, evidence: Evidence) -> dict[str, Any]:
    """The findings of a case by question, and its results by prompt."""
    found = case.memorised
    rank = found.rank
    return {
        "checkpoint": case.checkpoint,
        "memorised": found.finding,
        "reasons": [reason.text for reason in found.reasons],
        "prompts": [
            [
                f"With {ORIGINS[each.origin]}: “{each.prompt.text}”",
                f"{each.copies:,} of {each.trials:,}",
                f"{each.reference_copies:,} of {each.reference_trials:,}"
                if each.reference_trials
                else "–",
                "–" if each.closest is None else round_for_reading(each.closest),
            ]
            for each in case.prompts
        ],
        "figures": f"Statistic: {title_in_case(case, found.statistic.metric)} "
        f"{round_for_reading(found.statistic.value)}. {rank.at_least_as_close:,} of "
        f"{rank.controls:,} controls at least as close; p = {format_p(rank.p)}, smallest possible "
        f"p = {format_p(rank.resolution)}. Copies: {found.copies.rate.hits:,} of "
        f"{found.copies.rate.n:,} trials.{_word_gain(found.gain)}",
        "error_rate": found.error_rate.text,
        "limits": [reason.text for reason in found.limits],
        "generated": case.generated.finding,
        "generated_reasons": [reason.text for reason in case.generated.reasons],
        "generated_limits": [reason.text for reason in case.generated.limits],
        "exposed": case.exposed.finding if case.exposed else None,
        "exposed_reasons": [reason.text for reason in case.exposed.reasons] if case.exposed else [],
        "exposed_limits": [reason.text for reason in case.exposed.limits] if case.exposed else [],
        "is_reference": case.checkpoint == evidence.plan.judge.reference,
    }


def _score(cited: CitedTrial, metric: str) -> str:
    score = next(each for each in cited.scores if each.metric == metric)
    return f"{metric} {round_for_reading(score.score)}"


def _name_copy(is_copy: bool | None) -> str:
    return "a copy" if is_copy else "no copy"


def _word_gain(gain: ReferenceGain | None) -> str:
    if gain is None:
        return ""
    return (
        f" Gain over {gain.checkpoint}: {gain.rank.at_least_as_close:,} of "
        f"{gain.rank.controls:,} controls gain as much; p = {format_p(gain.rank.p)}."
    )
