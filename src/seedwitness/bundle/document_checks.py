"""Checks of the documents of a bundle against one another: record, evidence and log."""

from __future__ import annotations

from hashlib import sha256

from seedwitness.bundle import layout
from seedwitness.bundle.foreign_text import spell_out
from seedwitness.bundle.manifest import read_manifest
from seedwitness.bundle.opened import Finding, NotCheckable, OpenedBundle
from seedwitness.bundle.record import BundleRecord
from seedwitness.records.attempts import read_log, require_whole_log
from seedwitness.records.recipe import Recipe
from seedwitness.records.time_stamps import read_stamps
from seedwitness.report.evidence import Evidence

SHOWN = 3


def check_record(opened: OpenedBundle) -> Finding:
    """Whether ``bundle.json`` is about the same target, plan and checkpoints as the report."""
    record, evidence = opened.record, opened.evidence
    if record.format != layout.FORMAT:
        raise NotCheckable(f"The bundle has the format {spell_out(record.format)}.")
    stated = {case.checkpoint: case.checkpoint_sha256 for case in evidence.cases}
    faults = [
        what
        for what, holds in (
            ("target", record.target == evidence.target.name),
            ("analysis plan", record.plan_sha256 == evidence.plan.sha256),
            ("corpus", record.corpus_sha256 == evidence.lookup.corpus.sha256),
            ("checkpoints", {each.name: each.sha256 for each in record.checkpoints} == stated),
            ("hashes of the checkpoints' files", _name_same_files(record, evidence)),
            ("files left out", record.is_redacted == bool(record.left_out)),
        )
        if not holds
    ]
    if faults:
        return [layout.RECORD], f"it says something else than the report of: {', '.join(faults)}"
    left = f"; {len(record.left_out)} files were left out, by their hashes" * record.is_redacted
    absent = f"; not at hand: {', '.join(record.not_at_hand)}" if record.not_at_hand else ""
    return [], f"target {record.target}, {len(stated)} checkpoints{left}{absent}"


def _name_same_files(record: BundleRecord, evidence: Evidence) -> bool:
    recorded = {
        each.name: sorted(file.sha256 for file in each.files) for each in record.checkpoints
    }
    stated = {
        case.checkpoint: sorted(
            digest for part in case.identity.components for digest in part.files.values()
        )
        for case in evidence.cases
    }
    names_agree = all(
        file.autov2 == file.sha256[:10] for each in record.checkpoints for file in each.files
    )
    return recorded == stated and names_agree


def check_schema(opened: OpenedBundle) -> Finding:
    """Whether the evidence is of this version, and rests on the files that are in the bundle."""
    evidence = opened.evidence
    left_out = {each.path: each.sha256 for each in opened.record.left_out}
    hashes = read_manifest(opened.bundle)
    wrong = [
        each.path
        for each in evidence.inputs
        if each.sha256 not in (left_out.get(each.path), hashes.get(each.path))
    ]
    if wrong:
        return wrong, f"the report rests on other files of these names: {', '.join(wrong[:SHOWN])}"
    trials = sum(
        Recipe(**vars(cited.recipe)).id == cited.trial
        for case in evidence.cases
        for cited in case.cited
    )
    cited = sum(len(case.cited) for case in evidence.cases)
    if trials != cited:
        return ["evidence.json"], f"{cited - trials} trials have another id than their recipes"
    return [], f"schema {evidence.schema_version}; {len(evidence.inputs)} files that it rests on"


def check_log(opened: OpenedBundle) -> Finding:
    """Whether the log is whole, and has the attempt of this report by the plan that is here."""
    root, evidence = opened.root, opened.evidence
    require_whole_log(root)
    log = read_log(root)
    entry = log.entries.get(evidence.attempt.entry)
    if entry is None or entry.question is None:
        return ["data/attempts"], f"it lacks the attempt of this report, {evidence.attempt.entry}"
    question = entry.question
    checkpoints = {case.checkpoint: case.checkpoint_sha256 for case in evidence.cases}
    plan = sha256((root / "data/plan/plan.json").read_bytes()).hexdigest()
    faults = [
        what
        for what, holds in (
            ("image", question.pixels_sha256 == evidence.target.pixels_sha256),
            ("checkpoints", question.checkpoints == checkpoints),
            ("plan", question.plan_sha256 == evidence.plan.sha256 == plan),
        )
        if not holds
    ]
    if faults:
        return ["data/attempts"], f"the attempt of this report had another {', '.join(faults)}"
    stamps = read_stamps(root / "data/plans", evidence.plan.sha256)
    stamped = f"; the plan was stamped at {stamps[0].time}" if stamps else ""
    return [], f"{len(log.entries)} entries, none altered, each naming those before it{stamped}"
