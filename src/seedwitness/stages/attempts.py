"""Attempts: every judgement that was ever made here, appended to one log: ``data/attempts/``.

``log.jsonl`` holds an entry for each execution of an analysis plan on an image, chained by hash, so
that a removed or altered entry shows. ``TARGET.json`` holds the entries of a target's own pixels,
under whatever name they were judged: a report depends on that file alone.
"""

from __future__ import annotations

from seedwitness.config.inputs import EntryName, TargetSettings
from seedwitness.config.reading import load_section
from seedwitness.records.attempts import Attempt, TargetAttempts, append_attempt, read_log
from seedwitness.records.document import read_document
from seedwitness.stages import output_path


def run() -> None:
    """Append the newest judgement of each target, and write each target's own entries."""
    folder = output_path("attempts")
    log = folder / "log.jsonl"
    targets = load_section(dict[EntryName, TargetSettings], "targets")
    newest = {
        target: read_document(Attempt, output_path("judge", target) / "attempt.json")
        for target in targets
    }
    for attempt in newest.values():
        append_attempt(log, attempt)
    attempts = [entry.attempt for entry in read_log(log)]
    for target, current in newest.items():
        own = [each for each in attempts if each.pixels_sha256 == current.pixels_sha256]
        TargetAttempts(attempts=own).write(folder / f"{target}.json")
