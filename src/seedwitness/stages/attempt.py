"""Attempt: enters what will be asked of a target into the log, before anything is searched."""

from __future__ import annotations

import json

from seedwitness.config.targets import list_targets
from seedwitness.records.attempts import name_folder, read_log, require_whole_log
from seedwitness.runtime.files import write_whole
from seedwitness.runtime.workspace import find_project, list_roots
from seedwitness.stages import output_path
from seedwitness.stages._question import make_question
from seedwitness.stages.plan import keep_plan


def run(target: str) -> None:
    """Append to the log unless the question was asked before; write ``entered.json``.

    The log of a temporary workspace is that of its experiment. The project's own gets the same
    entry, so that an attempt is counted even if the experiment is thrown away. The other targets of
    the project are counted too, though no stage has seen them yet. ``entered.json`` is what the
    next stages depend on, so that they wait and do not run again for another plan.
    """
    question = make_question(target)
    log = require_whole_log()
    if log.find(question) is None:
        image = name_folder(question.pixels_sha256)
        listed = [each.pixels_sha256 for each in list_targets().values()]
        counts = read_log(find_project()).count(image, question, listed)
        log.enter("attempt", image, target, question, counts)
        for root in list_roots():
            keep_plan(root)
    entered = json.dumps({"pixels_sha256": question.pixels_sha256}) + "\n"
    write_whole(output_path("attempt", target) / "entered.json", entered)
