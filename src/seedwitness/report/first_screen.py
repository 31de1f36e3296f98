"""The first screen of a report, from the evidence alone; the page and the PDF show the same."""

from __future__ import annotations

from dataclasses import dataclass

from seedwitness.records.findings import Verdict
from seedwitness.report.evidence import CaseEvidence, CitedTrial, Evidence
from seedwitness.report.wording import answers
from seedwitness.report.wording.exclusion_sentences import EXCLUSIONS


@dataclass(frozen=True)
class Answer:
    """A question with its answer, and the sentences that hold the decisive numbers."""

    question: str
    finding: Verdict | None
    answer: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class FirstScreen:
    """What stands before everything else."""

    answers: tuple[Answer, ...]
    reference_note: str
    shown: CaseEvidence
    """The case whose closest picture is shown: the first that is examined and supported."""
    closest: CitedTrial | None
    """Its closest trial whose picture was kept."""
    validation_intro: str
    validation: tuple[str, ...]
    not_shown: tuple[str, ...]


def make_first_screen(evidence: Evidence) -> FirstScreen:
    """The first screen of a report."""
    examined = list_examined(evidence)
    shown = next((case for case in examined if has_yes(case)), examined[0])
    return FirstScreen(
        answers=(
            *(answer for case in examined for answer in _answer_case(case, evidence)),
            _answer_corpus(evidence),
        ),
        reference_note=_note_reference(evidence),
        shown=shown,
        closest=next((cited for cited in shown.cited if cited.image), None),
        validation_intro=answers.introduce_validation(evidence.validation.is_same_procedure),
        validation=tuple(answers.word_validation(run) for run in evidence.validation.runs),
        not_shown=answers.NOT_SHOWN,
    )


def list_examined(evidence: Evidence) -> list[CaseEvidence]:
    """The cases under examination; all of them where there is nothing but the reference."""
    reference = evidence.plan.judge.reference
    return [case for case in evidence.cases if case.checkpoint != reference] or evidence.cases


def has_yes(case: CaseEvidence) -> bool:
    """Whether one of the questions has the answer yes."""
    return "supported" in (case.memorised.finding, case.generated.finding)


def is_refused(case: CaseEvidence) -> bool:
    """Whether nothing is concluded of a case whatever its figures, and its seed was not found."""
    code = case.memorised.reasons[0].code
    return code in EXCLUSIONS and case.generated.finding != "supported"


def _answer_case(case: CaseEvidence, evidence: Evidence) -> list[Answer]:
    answered = [_answer_memorised(case, evidence), _answer_generated(case)]
    return [*answered, _answer_exposed(case)] if case.exposed else answered


def _answer_memorised(case: CaseEvidence, evidence: Evidence) -> Answer:
    found = case.memorised
    sentences = []
    if is_refused(case) or found.reasons[0].code in EXCLUSIONS:
        sentences = [found.reasons[0].text]
    else:
        sentences = [*_word_prompts(case, evidence.plan.judge.reference)]
        rank = found.rank
        sentences.append(answers.word_comparison(rank.at_least_as_close, rank.controls))
        if found.finding == "supported":
            if found.gain:
                gain = found.gain
                sentences.append(
                    answers.word_gain(
                        gain.checkpoint, gain.rank.at_least_as_close, gain.rank.controls
                    )
                )
            sentences.append(
                answers.word_strength(
                    rank.at_least_as_close, rank.controls, rank.family, rank.p_family
                )
            )
            sentences += [
                answers.word_provenance(str(limit.values["date"]))
                for limit in found.limits
                if limit.code == "provenance-stated"
            ]
        elif found.finding == "not supported" and case.search.is_blind:
            sentences.append(answers.word_missed(found.copies.rate.high, len(case.search.prompts)))
        else:
            sentences.append(found.reasons[0].text)
    return Answer(
        question=answers.ask_memorised(case.checkpoint),
        finding=found.finding,
        answer=answers.MEMORISED[found.finding],
        sentences=tuple(sentences),
    )


def _word_prompts(case: CaseEvidence, reference: str) -> list[str]:
    tried = [each for each in case.prompts if each.trials]
    origins = [each.origin for each in tried]
    return [
        answers.word_prompt_result(
            origin=each.origin,
            number=each.prompt.rank if origins.count(each.origin) > 1 else None,
            copies=each.copies,
            trials=each.trials,
            reference=None if case.checkpoint == reference else reference,
            reference_copies=each.reference_copies,
            reference_trials=each.reference_trials,
        )
        for each in tried
    ]


def _answer_generated(case: CaseEvidence) -> Answer:
    found = case.generated
    scan = found.scan
    if scan.obstacle or any(seed.recovered for seed in scan.seeds):
        sentences = tuple(reason.text for reason in found.reasons)
    else:
        sentences = (answers.word_scan(scan.num_seeds, len(scan.rng_algorithms)),)
    return Answer(
        question=answers.ask_generated(case.checkpoint),
        finding=found.finding,
        answer=answers.GENERATED[found.finding],
        sentences=sentences,
    )


def _answer_exposed(case: CaseEvidence) -> Answer:
    found = case.exposed
    assert found is not None
    return Answer(
        question=answers.ask_exposed(case.checkpoint),
        finding=found.finding,
        answer=answers.EXPOSED[found.finding],
        sentences=(found.reasons[0].text, found.limits[0].text),
    )


def _answer_corpus(evidence: Evidence) -> Answer:
    corpus = evidence.lookup.corpus
    same = len({each.corpus_id for each in evidence.matches if each.is_target})
    copies = max((each.copies for each in evidence.matches if each.is_target), default=0)
    altered = len({each.corpus_id for each in evidence.matches if each.copy_by})
    return Answer(
        question="Is this picture in the corpus that was searched?",
        finding=None,
        answer="",
        sentences=(answers.word_corpus(corpus.rows, corpus.source, same, copies, altered),),
    )


def _note_reference(evidence: Evidence) -> str:
    reference = evidence.plan.judge.reference
    if all(case.checkpoint != reference for case in evidence.cases):
        return ""
    return (
        f"{reference} is the reference checkpoint: it is taken never to have seen the picture, and "
        "shows what anyone would have drawn. It is not under examination."
    )
