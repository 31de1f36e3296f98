"""What the PDF shows, as plain values, from the files of a report's folder alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seedwitness.records.case_sheet import CaseSheet, SignedSheet
from seedwitness.records.work import AttemptWork
from seedwitness.report.case_page import list_groups
from seedwitness.report.evidence import Evidence
from seedwitness.report.first_screen import is_refused, list_examined, make_first_screen
from seedwitness.report.formatting import title_in_case
from seedwitness.report.pdf_cases import list_first_pictures, show_case, show_findings
from seedwitness.report.pdf_plots import list_plots
from seedwitness.report.pdf_text import make_printable
from seedwitness.report.wording.method_sentences import OBJECTIONS, PROPOSITIONS, word_method
from seedwitness.report.wording.numbers import format_p, format_percent

ANNEXES = {
    "Seed scan, prompts, matches, likelihood ratio, detectors, reachability, bits, cost": (
        "report.html"
    ),
    "Recipes, with the command that makes each cited picture again": "report.html",
    "Analysis plan": "plan.json",
    "Every trial of target, reference and controls": "tables/",
    "Pictures": "images/",
    "All figures, with the hashes of all input files": "evidence.json",
}


def make_content(
    evidence: Evidence,
    evidence_sha256: str,
    report_id: str,
    title: str,
    folder: Path,
    sheet: SignedSheet | None,
) -> dict[str, Any]:
    """Everything that the template needs; all text is printable, and pictures are paths."""
    screen = make_first_screen(evidence)
    refused = all(is_refused(case) for case in evidence.cases)
    judge, plan = evidence.plan.judge, evidence.plan
    target = evidence.target
    content = {
        "title": f"Can a checkpoint bring back “{target.name}”?",
        "kicker": title,
        "case_number": sheet.sheet.case_number if sheet else None,
        "report_id": report_id,
        "evidence_sha256": evidence_sha256,
        "date": evidence.attempt.counted[:10],
        "refused": refused,
        "target": {
            "File": f"{target.file_name}, {target.file_bytes:,} bytes, {target.format}, "
            f"{target.width:,} × {target.height:,} pixels",
            "File, SHA-256": target.file_sha256,
            "Pixels, SHA-256": target.pixels_sha256,
            "Changes before examination": "; ".join(target.changes) or "none",
        },
        "checkpoints": [
            {
                "name": case.checkpoint
                + (" (reference)" if case.checkpoint == judge.reference else ""),
                "family": case.identity.family,
                "sha256": case.checkpoint_sha256,
            }
            for case in evidence.cases
        ],
        "pictures": list(list_first_pictures(evidence)),
        "answers": [
            {
                "question": each.question,
                "finding": each.finding or "",
                "answer": each.answer,
                "sentences": list(each.sentences),
            }
            for each in screen.answers
        ],
        "note": screen.reference_note,
        "criterion": " and ".join(
            f"{each.metric} {'≥' if each.higher_is_closer else '≤'} {each.threshold:g} "
            f"({each.source})"
            for each in screen.shown.memorised.copies.criteria
        ),
        "validation_intro": screen.validation_intro,
        "validation": list(screen.validation),
        "not_shown": list(screen.not_shown),
        "sheet_sha256": sheet.sha256 if sheet else "",
        "groups": [
            {
                "title": group.title,
                "rows": [[row.label, row.value] for row in group.rows if row.value],
                "missing": [row.label for row in group.rows if not row.value],
            }
            for group in list_groups(sheet.sheet if sheet else CaseSheet())
        ],
        "propositions": [list(each) for each in PROPOSITIONS.items()],
        "images": [show_case(case, evidence) for case in evidence.cases],
        "findings": [show_findings(case, evidence) for case in evidence.cases],
        "corpus": {
            "sentence": screen.answers[-1].sentences[0],
            "pictures": [
                {
                    "path": match.image,
                    "caption": f"Record of rank {match.rank:,}, {match.pdq_distance:,} of 256 bits "
                    f"of PDQ differ: {match.caption}",
                    "alt": f"Record of the corpus, rank {match.rank}",
                }
                for match in evidence.matches
                if match.is_target and match.image
            ][:2],
        },
        "method": [
            list(each)
            for each in word_method(
                plan.search,
                judge,
                evidence.lookup.corpus.rows,
                plan.controls.count,
                plan.controls.source,
            ).items()
        ],
        "plan_sha256": plan.sha256,
        "stamps": [
            f"Stamped by {stamp.authority} at {stamp.time} (RFC 3161)." for stamp in plan.stamps
        ],
        "runs": [
            {
                "lab": run.lab,
                "nfe": f"{run.budget_nfe:,}",
                "false": f"{run.not_learned.hits:,} of {run.not_learned.n:,} "
                f"(up to {format_percent(run.not_learned.high)})",
                "found": [f"{each.supported.hits:,} of {each.supported.n:,}" for each in run.dose],
            }
            for run in evidence.validation.runs
        ],
        "exposures": [f"{each.exposures:,} showings" for each in evidence.validation.runs[0].dose],
        "objections": [list(each) for each in OBJECTIONS.items()],
        "plots": [
            plot for case in list_examined(evidence) for plot in list_plots(case, evidence, folder)
        ],
        "sensitivity": [
            {
                "checkpoint": case.checkpoint,
                "rows": [
                    [
                        each.change.text,
                        each.finding,
                        format_p(each.rank.p_family),
                        f"{each.rank.at_least_as_close:,} of {each.rank.controls:,}",
                        f"{each.copies:,} of {each.trials:,}",
                    ]
                    for each in case.memorised.sensitivity
                ],
            }
            for case in list_examined(evidence)
            if case.memorised.sensitivity
        ],
        "work": _show_work(evidence),
        "command": screen.closest.command if screen.closest else "",
        "tables": [
            [table.path, f"{table.rows:,}", table.sha256]
            for case in evidence.cases
            for table in case.tables
        ],
        "metric": title_in_case(evidence.cases[0], judge.metric),
        "identity": _show_identity(evidence),
        "annexes": [list(each) for each in ANNEXES.items()],
    }
    return dict(_make_printable(content))


def _show_work(evidence: Evidence) -> dict[str, Any]:
    work = evidence.work
    same = "the two agree" if work.nfe_spent == work.nfe_accounted else "the two differ"
    return {
        "sentence": f"{work.outputs:,} outputs cost {work.nfe_spent:,} NFE by the stages’ own "
        f"count, and {work.nfe_accounted:,} by the sum over their outputs: {same}. Attempts "
        f"without an outcome: {work.not_finished:,}. Attempts of which nothing is recorded: "
        f"{work.not_recorded:,}.",
        "rows": [row for attempt in work.attempts for row in _list_work(attempt)],
    }


def _list_work(attempt: AttemptWork) -> list[list[str]]:
    name = attempt.time + (", this one" if attempt.is_own else "")
    if not attempt.counts:
        return [[name, "nothing recorded", *"––––"]]
    return [
        [
            name,
            f"{row.checkpoint}, {row.stage}",
            f"{row.prompts:,}",
            f"{row.seeds:,}",
            f"{row.outputs:,}",
            "–" if row.nfe_spent is None else f"{row.nfe_spent:,}",
        ]
        for row in attempt.counts
    ]


def _show_identity(evidence: Evidence) -> list[list[str]]:
    environment = evidence.environment
    changed = " with changes that were not committed" if environment.is_modified else ""
    return [
        ["Program", f"seedwitness {environment.packages['seedwitness']}"],
        ["Commit", f"{environment.revision}{changed}" if environment.revision else "none"],
        ["Python", f"{environment.python} on {environment.platform}"],
        ["Analysis plan, SHA-256", evidence.plan.sha256],
        ["Entry in the log of attempts", evidence.attempt.entry],
        *(
            [
                f"Metric {each.metric}",
                f"{each.version}, {each.label}"
                + (f", SHA-256 {each.weights_sha256}" if each.weights_sha256 else ""),
            ]
            for each in evidence.cases[0].distributions
        ),
    ]


def _make_printable(value: Any, key: str = "") -> Any:
    """The same values with all text printable; paths of pictures stay as they are."""
    if isinstance(value, dict):
        return {name: _make_printable(each, name) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_make_printable(each) for each in value]
    if isinstance(value, str) and key != "path":
        return make_printable(value, 1200)
    return value
