"""Names in the documents of a stranger, from which paths are made: checked before any is.

A finding of the checkpoint ``../../x`` would otherwise have its images written there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seedwitness.bundle.foreign_text import find_name_fault, spell_out
from seedwitness.config.inputs import NAME_PATTERN
from seedwitness.errors import BundleError
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.document import read_document
from seedwitness.records.findings import CaseFindings
from seedwitness.records.search import ReplaySummary
from seedwitness.records.seed_scan import SeedScan
from seedwitness.records.target import TargetRecord
from seedwitness.report.evidence import Evidence

TRIAL = re.compile(r"[0-9a-f]{16}")
IMAGES = ("image", "reference_image", "regeneration")


def require_safe_evidence(evidence: Evidence, target: str) -> None:
    """Raise BundleError if evidence names something that is no name or leads out of its folder."""
    _require(evidence.target.name == target, evidence.target.name)
    for case in evidence.cases:
        for name in (case.checkpoint, case.identity.name, case.replay.reference):
            _require(bool(NAME_PATTERN.fullmatch(name)), name)
    for key, value in _list_texts(evidence.model_dump()):
        if key == "trial":
            _require(bool(TRIAL.fullmatch(value)), value)
        elif key in IMAGES and "/" in value:
            _require(find_name_fault(value) is None and value.startswith("images/"), value)
        elif key in IMAGES:
            _require(find_name_fault(value) is None, value)


def require_safe_documents(data: Path, target: str) -> None:
    """Raise BundleError if a stage's document below ``data`` has another name than its folder."""
    record = read_document(TargetRecord, data / "prepare" / target / "target.json")
    _require(record.name == target, record.name)
    for path in data.glob("identify/*/checkpoint.json"):
        name = read_document(CheckpointIdentity, path).name
        _require(name == path.parent.name and bool(NAME_PATTERN.fullmatch(name)), name)
    for path in data.glob(f"judge/{target}/*/finding.json"):
        finding = read_document(CaseFindings, path)
        _require((finding.target, finding.checkpoint) == (target, path.parent.name), path.name)
        for key, value in _list_texts(finding.model_dump()):
            _require(key not in IMAGES or ("/" not in value and not find_name_fault(value)), value)
    for path in data.glob(f"replay/{target}/*/replay.json"):
        replay = read_document(ReplaySummary, path)
        _require((replay.target, replay.checkpoint) == (target, path.parent.name), path.name)
    for path in data.glob(f"scan/{target}/*/scan.json"):
        made = read_document(SeedScan, path).regenerated
        _require(made is None or bool(TRIAL.fullmatch(made.trial)), "scan.json")


def _list_texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a plain value, with the key that it has, or its list has."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, each in value.items():
            # The images of a map are a value each, under names of their own.
            yield from _list_texts(each, IMAGES[0] if key == "images" else str(name))
    elif isinstance(value, list):
        for each in value:
            yield from _list_texts(each, key)


def _require(holds: bool, name: str) -> None:
    if not holds:
        raise BundleError(
            f"A document of the bundle names {spell_out(name)}, which is no name of what it is "
            "about. Nothing was made of it; no bundle made by seedwitness has such a name."
        )
