"""Attempts: executions of analysis plans on images, in an append-only log that Git keeps.

``data/attempts/IMAGE/HASH.json`` is one entry, where IMAGE begins the hash of the image's pixels
and HASH is the SHA-256 of the file. An entry names the entries before it, its parents, so that the
logs of two branches merge without conflict, and an altered entry or one that is missing before
another shows. ``data/outcomes/IMAGE/HASH.json`` is what came of an attempt, and
``data/plans/HASH.json`` every plan that was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import Field

from seedwitness.errors import RecordError
from seedwitness.records.document import Document, read_document
from seedwitness.records.findings import Verdict
from seedwitness.records.work import WorkCount
from seedwitness.runtime.files import write_whole
from seedwitness.runtime.workspace import (
    is_modified,
    list_deleted,
    list_roots,
    read_revision,
)

ATTEMPTS, OUTCOMES, PLANS = Path("data/attempts"), Path("data/outcomes"), Path("data/plans")
RESTORE = "Restore it: `git checkout HEAD -- data/attempts`, or from the clone that has it."


EntryKind = Literal["attempt", "removal"]


class Question(Document):
    """What is asked of an image: the prompts that the user states, the checkpoints, the plan."""

    pixels_sha256: str
    """SHA-256 of the image's pixels as upright RGB."""
    stated_prompts: list[str]
    checkpoints: dict[str, str]
    """The digest of each checkpoint's components, by its name."""
    plan_sha256: str


class LogCounts(Document):
    """How much had been tried in the project when an entry was written, the entry included.

    A target of the project that no attempt is about yet counts as one attempt: whoever examines
    100 images has 100, whichever comes first.
    """

    attempts_on_image: int
    """Attempts on the pixels of the entry."""
    attempts: int
    images: int
    plans: int


class LogEntry(Document):
    """An attempt, entered before anything is searched or compared; or the removal of a target.

    A removal is entered for the removed image, and for each that stays, with the new counts.
    """

    kind: EntryKind
    parents: list[str]
    """The hashes of the entries that no other entry names as a parent."""
    time: str
    """UTC, as the machine's clock has it."""
    revision: str
    """The commit of Git that was checked out; empty without one."""
    is_modified: bool
    """Whether files differed from that commit."""
    target: str
    """The name of the target at that time; for a removal, of the removed one."""
    question: Question | None
    """None for a removal."""
    counts: LogCounts


class Outcome(Document):
    """The findings of an attempt, by checkpoint."""

    attempt: str
    memorised: dict[str, Verdict]
    generated: dict[str, Verdict]
    work: list[WorkCount] = Field(default_factory=list)
    """What was made for it; empty in outcomes of older versions."""


@dataclass(frozen=True)
class AttemptLog:
    """All entries of a log by hash, the earliest first, and the images that they are about."""

    entries: Mapping[str, LogEntry]
    images: Mapping[str, str]
    """The folder of each entry, by hash."""

    @property
    def heads(self) -> list[str]:
        """The entries that no other one names as a parent."""
        parents = {parent for entry in self.entries.values() for parent in entry.parents}
        return sorted(set(self.entries) - parents)

    def find(self, question: Question) -> str | None:
        """The hash of the attempt that asked ``question``; None if there is none."""
        return next((key for key, each in self.entries.items() if each.question == question), None)

    def count(
        self, image: str, new: Question | None = None, listed: Iterable[str] = ()
    ) -> LogCounts:
        """What was tried so far, on the image of a folder and in all, together with ``new``.

        ``listed`` are the pixels of the targets of the project. A question that was asked on two
        branches is one attempt.
        """
        asked = [entry.question for entry in self.entries.values() if entry.question]
        asked += [new] if new else []
        distinct = list({_make_key(question): question for question in asked}.values())
        examined = {each.pixels_sha256 for each in distinct}
        waiting = set(listed) - examined
        return LogCounts(
            attempts_on_image=sum(name_folder(each.pixels_sha256) == image for each in distinct),
            attempts=len(distinct) + len(waiting),
            images=len(examined) + len(waiting),
            plans=len({each.plan_sha256 for each in distinct}),
        )

    def count_all(self) -> LogCounts:
        """What was tried so far, on no image in particular."""
        return self.count("")

    def enter(
        self,
        kind: EntryKind,
        image: str,
        target: str,
        question: Question | None,
        counts: LogCounts,
    ) -> str:
        """Append an entry to the log of the workspace, and of its project; gives its hash."""
        entry = LogEntry(
            kind=kind,
            parents=self.heads,
            time=datetime.now(UTC).isoformat(timespec="seconds"),
            revision=read_revision(),
            is_modified=is_modified(),
            target=target,
            question=question,
            counts=counts,
        )
        return append_entry(entry, image, list_roots())


def name_folder(pixels_sha256: str) -> str:
    """The name of an image's folder in the log."""
    return pixels_sha256[:16]


def read_log(root: Path = Path(), image: str = "*") -> AttemptLog:
    """Read the log of the project in ``root``, or its entries on one image; empty without a log.

    Raises RecordError if an entry was altered, or is missing before another; the second is seen
    only where the whole log is read.
    """
    read: dict[str, LogEntry] = {}
    images: dict[str, str] = {}
    for path, content in _read_files(root / ATTEMPTS, f"{image}/"):
        read[path.stem] = LogEntry.model_validate_json(content)
        images[path.stem] = path.parent.name
    for key, entry in read.items() if image == "*" else ():
        if missing := [parent for parent in entry.parents if parent not in read]:
            raise RecordError(
                f"The log of attempts lacks the entry {missing[0]}, which the entry {key} of "
                f"{entry.time} on {entry.target} names as the one before it. {RESTORE}"
            )
    ordered = sorted(read, key=lambda key: (read[key].time, key))
    return AttemptLog({key: read[key] for key in ordered}, images)


def require_whole_log(root: Path = Path()) -> AttemptLog:
    """Read the log of the project in ``root``, and look for files that Git knows and it lacks.

    Raises RecordError as ``read_log``, and if an entry, an outcome or a plan is missing or altered.
    """
    deleted = [
        path for folder in (ATTEMPTS, OUTCOMES, PLANS) for path in list_deleted(folder, root)
    ]
    if deleted:
        path = deleted[0]
        raise RecordError(
            f"The log of attempts lacks {path}, which Git knows. `git log --diff-filter=D -- "
            f"{path}` names the commit that removed it, and `git checkout COMMIT^ -- {path}` "
            f"brings it back (`git checkout HEAD -- {path}` if the removal is not committed)."
        )
    for folder, depth in ((OUTCOMES, "*/"), (PLANS, "")):
        for _ in _read_files(root / folder, depth):
            pass
    return read_log(root)


def read_outcomes(folder: Path) -> list[Outcome]:
    """Read the outcomes of one image. Raises RecordError if one was altered."""
    return [read_document(Outcome, path) for path, _ in _read_files(folder)]


def append_entry(entry: LogEntry, image: str, roots: Sequence[Path]) -> str:
    """Write an entry into the folder ``image`` of the log of each of ``roots``; gives its hash."""
    content = entry.to_json().encode()
    key = sha256(content).hexdigest()
    for root in roots:
        write_whole(root / ATTEMPTS / image / f"{key}.json", content)
    return key


def append_outcome(outcome: Outcome, image: str, roots: Sequence[Path]) -> None:
    """Write an outcome into the folder ``image`` of each of ``roots``."""
    content = outcome.to_json().encode()
    for root in roots:
        write_whole(root / OUTCOMES / image / f"{sha256(content).hexdigest()}.json", content)


def list_log_files(folder: Path, depth: str = "") -> list[Path]:
    """The files of a folder of the log, without what a killed process left beside them."""
    paths = sorted(folder.glob(f"{depth}*.json"))
    return [path for path in paths if not path.name.startswith(".")]


def _make_key(question: Question) -> tuple[object, ...]:
    """What is equal for equal questions, and can be a key."""
    checkpoints = frozenset(question.checkpoints.items())
    stated = tuple(question.stated_prompts)
    return question.pixels_sha256, stated, checkpoints, question.plan_sha256


def _read_files(folder: Path, depth: str = "") -> Iterator[tuple[Path, bytes]]:
    for path in list_log_files(folder, depth):
        content = path.read_bytes()
        if sha256(content).hexdigest() != path.stem:
            place = path.as_posix()
            raise RecordError(
                f"{place} was altered: its SHA-256 is not its name. Restore it: `git checkout HEAD "
                f"-- {place}`; where the alteration was committed, `git checkout COMMIT -- {place}`"
                f" with the commit that `git log --diff-filter=A -- {place}` names."
            )
        yield path, content
