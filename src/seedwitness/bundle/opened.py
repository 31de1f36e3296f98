"""A bundle's documents and its files laid out, each read when the first check needs it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from seedwitness.bundle import layout, recomputation
from seedwitness.bundle.container import Bundle
from seedwitness.bundle.foreign_text import find_name_fault, spell_out
from seedwitness.bundle.record import BundleRecord
from seedwitness.bundle.safe_documents import read_document
from seedwitness.bundle.safe_names import require_safe_documents, require_safe_evidence
from seedwitness.config.inputs import NAME_PATTERN
from seedwitness.errors import BundleError
from seedwitness.report.evidence import Evidence
from seedwitness.report.sources import TargetSource

Finding = tuple[list[str], str]
"""What a check gives: the files that do not fit, and a sentence."""


class NotCheckable(Exception):
    """A check that cannot be made here, and why; nothing speaks against the bundle."""


class OpenedBundle:
    """A bundle's documents and its files laid out, each read when the first check needs it."""

    def __init__(self, bundle: Bundle, stack: ExitStack) -> None:
        self.bundle, self._stack = bundle, stack
        self._known: dict[str, Any] = {}

    def _once(self, key: str, make: Callable[[], Any]) -> Any:
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    @property
    def record(self) -> BundleRecord:
        """``bundle.json``. Raises BundleError if it is none, or names what no bundle can have."""
        record: BundleRecord = self._once("record", self._read_record)
        return record

    def _read_record(self) -> BundleRecord:
        record = read_document(BundleRecord, self.bundle, layout.RECORD)
        if not NAME_PATTERN.fullmatch(record.target):
            raise BundleError(f"{layout.RECORD} names no target: {spell_out(record.target)}.")
        if fault := next(
            (f for each in record.left_out if (f := find_name_fault(each.path))), None
        ):
            raise BundleError(f"{layout.RECORD} lists a file that no bundle can have: {fault}.")
        return record

    @property
    def evidence(self) -> Evidence:
        """The evidence of the report."""
        name = f"reports/{self.record.target}/evidence.json"
        evidence: Evidence = self._once("evidence", lambda: self._read_evidence(name))
        return evidence

    def _read_evidence(self, name: str) -> Evidence:
        evidence = read_document(Evidence, self.bundle, name)
        require_safe_evidence(evidence, self.record.target)
        return evidence

    @property
    def root(self) -> Path:
        """The folder in which the stages' files are laid out."""
        root: Path = self._once("root", self._lay_out)
        return root

    def _lay_out(self) -> Path:
        root = self._stack.enter_context(recomputation.lay_out(self.bundle, self.record))
        require_safe_documents(root / "data", self.record.target)
        return root

    @property
    def source(self) -> TargetSource:
        """What the stages wrote of the target."""
        source: TargetSource = self._once(
            "source", lambda: recomputation.read_source(self.root, self.record.target)
        )
        return source
