"""Results of a verification: a line a check, and what they amount to."""

from __future__ import annotations

from typing import Literal

from seedwitness.records.document import Document

State = Literal["ok", "FAILED", "not checked"]
Level = Literal["altered", "whole", "signed", "trusted"]
"""What holds: something fails; nothing does; and it is signed; and by a key that was named."""

HOLDS, FAILS, NO_BUNDLE, UNSIGNED = 0, 1, 2, 3
"""Exit codes of ``seedwitness verify``."""


class CheckResult(Document):
    """One check: its name, how it ended, the files that it names, and a sentence."""

    name: str
    state: State
    files: list[str]
    detail: str


class Verification(Document):
    """All checks of a bundle."""

    bundle: str
    target: str
    manifest_sha256: str
    fingerprint: str | None
    """Of the key in the bundle, or of the one that was named."""
    level: Level
    checks: list[CheckResult]

    @property
    def exit_code(self) -> int:
        """What ``seedwitness verify`` ends with."""
        if self.level == "altered":
            return FAILS
        return UNSIGNED if self.level == "whole" else HOLDS
