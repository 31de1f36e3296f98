"""Attempt: enters what will be asked of a target into the log, before anything looks at it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from seedwitness.config.stage_settings import AttemptStage, load_stage_settings
from seedwitness.config.targets import load_target
from seedwitness.records.attempts import (
    LogEntry,
    Question,
    append_entry,
    name_folder,
    read_log,
    require_whole_log,
)
from seedwitness.records.document import read_document
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.files import write_whole
from seedwitness.runtime.hashes import sha256_file
from seedwitness.runtime.workspace import (
    find_project,
    is_modified,
    list_roots,
    read_revision,
)
from seedwitness.stages import output_path
from seedwitness.stages._identity import load_identity
from seedwitness.stages.plan import keep_plan


def run(target: str) -> None:
    """Append to the log unless the question was asked before; write ``entered.json``.

    The log of a temporary workspace is that of its experiment. The project's own gets the same
    entry, so that an attempt is counted even if the experiment is thrown away. ``entered.json`` is
    what the next stages depend on, so that they wait and do not run again for another plan.
    """
    question = make_question(target)
    log, whole = require_whole_log(), read_log(find_project())
    image = name_folder(question.pixels_sha256)
    if log.find(question) is None:
        entry = LogEntry(
            kind="attempt",
            parents=log.heads,
            time=datetime.now(UTC).isoformat(timespec="seconds"),
            revision=read_revision(),
            is_modified=is_modified(),
            target=target,
            question=question,
            counts=whole.count(image, question),
        )
        append_entry(entry, image, list_roots())
        for root in list_roots():
            keep_plan(root)
    entered = json.dumps({"pixels_sha256": question.pixels_sha256}) + "\n"
    write_whole(output_path("attempt", target) / "entered.json", entered)


def make_question(target: str) -> Question:
    """What the plan, and the target's caption, ask of its image."""
    record = read_document(TargetRecord, output_path("prepare", target) / "target.json")
    caption = load_target(target).caption
    checkpoints = load_stage_settings("attempt", AttemptStage).checkpoints
    return Question(
        pixels_sha256=record.pixels_sha256,
        stated_prompts=[] if caption is None else [caption],
        checkpoints={name: load_identity(name).sha256 for name in checkpoints},
        plan_sha256=sha256_file(output_path("plan") / "plan.json"),
    )
