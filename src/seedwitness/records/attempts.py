"""Attempts: executions of an analysis plan on an image, in a log that is only ever appended to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from seedwitness.errors import RecordError
from seedwitness.records.document import Document
from seedwitness.records.findings import Verdict
from seedwitness.runtime.files import write_whole
from seedwitness.runtime.hashes import digest

FIRST = "0" * 64
"""What the first entry names as the hash of the entry before."""


class Attempt(Document):
    """One execution of an analysis plan on an image: what was asked, and the answers."""

    pixels_sha256: str
    """Of the image as upright RGB."""
    stated_prompts: list[str]
    """Prompts that a user stated."""
    checkpoints: dict[str, str]
    """By name, the digest of each checkpoint's components."""
    plan_sha256: str
    memorised: dict[str, Verdict]
    generated: dict[str, Verdict]

    @property
    def question(self) -> tuple[list[str], dict[str, str], str]:
        """What was asked, without the answers and without the image."""
        return self.stated_prompts, self.checkpoints, self.plan_sha256


class LogEntry(Document):
    """An attempt in the log; ``previous_sha256`` is the digest of the entry before it."""

    number: int
    previous_sha256: str
    attempt: Attempt


class TargetAttempts(Document):
    """``TARGET.json``: all attempts on the pixels of one target, the earliest first."""

    attempts: list[Attempt]


def read_log(path: Path) -> Iterator[LogEntry]:
    """The entries of a log, the earliest first; none where there is no log.

    Raises RecordError where an entry does not follow from the one before it.
    """
    previous = FIRST
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        entry = LogEntry.model_validate_json(line)
        if (entry.number, entry.previous_sha256) != (number, previous):
            raise RecordError(
                f"{path}, line {number}: the entry does not follow from the one before it, so an "
                "entry was removed or altered. Restore the file from Git or from DVC's cache."
            )
        previous = digest(entry.model_dump(mode="json"))
        yield entry


def append_attempt(path: Path, attempt: Attempt) -> None:
    """Append an attempt to a log, unless its newest entry of the same question says the same."""
    entries = list(read_log(path))
    same = [
        entry.attempt
        for entry in entries
        if entry.attempt.pixels_sha256 == attempt.pixels_sha256
        and entry.attempt.question == attempt.question
    ]
    if same and same[-1] == attempt:
        return
    previous = digest(entries[-1].model_dump(mode="json")) if entries else FIRST
    entry = LogEntry(number=len(entries) + 1, previous_sha256=previous, attempt=attempt)
    lines = [json.dumps(each.model_dump(mode="json"), ensure_ascii=False) for each in entries]
    lines.append(json.dumps(entry.model_dump(mode="json"), ensure_ascii=False))
    write_whole(path, "\n".join(lines) + "\n")
