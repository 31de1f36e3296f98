"""Attempts: executions of an analysis plan on an image, in an append-only log."""

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
"""The ``previous_sha256`` of the first entry."""


class Attempt(Document):
    """One execution of an analysis plan on an image: the question and the answers."""

    pixels_sha256: str
    """SHA-256 of the image's pixels as upright RGB."""
    stated_prompts: list[str]
    """Prompts that the user stated."""
    checkpoints: dict[str, str]
    """The digest of each checkpoint's components, by its name."""
    plan_sha256: str
    memorised: dict[str, Verdict]
    generated: dict[str, Verdict]

    @property
    def question(self) -> tuple[list[str], dict[str, str], str]:
        """The question, without the answers and the image."""
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
    """Yield the entries of a log, the earliest first; none if there is no log.

    Raises RecordError if the hash in an entry is not that of the entry before it.
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
    """Append an attempt to a log, unless its newest entry of this question is the same attempt."""
    entries = list(read_log(path))
    same_question = [
        entry.attempt
        for entry in entries
        if entry.attempt.pixels_sha256 == attempt.pixels_sha256
        and entry.attempt.question == attempt.question
    ]
    if same_question and same_question[-1] == attempt:
        return
    previous = digest(entries[-1].model_dump(mode="json")) if entries else FIRST
    entry = LogEntry(number=len(entries) + 1, previous_sha256=previous, attempt=attempt)
    lines = [json.dumps(item.model_dump(mode="json"), ensure_ascii=False) for item in entries]
    lines.append(json.dumps(entry.model_dump(mode="json"), ensure_ascii=False))
    write_whole(path, "\n".join(lines) + "\n")
