"""The identity of a report, which its page, its PDF and its bundle name."""

from __future__ import annotations

from seedwitness.report.evidence import Evidence


def make_report_id(evidence: Evidence, evidence_sha256: str) -> str:
    """The target's name, and the start of the hash of the report's ``evidence.json``."""
    return f"{evidence.target.name}-{evidence_sha256[:12]}"
