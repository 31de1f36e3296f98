"""The prompt that the user states."""

from __future__ import annotations

from seedwitness.prompts.recovery_input import Candidate, RecoveryInput


def stated(given: RecoveryInput) -> list[Candidate]:
    """The caption that the settings give the target; none where there is none or it is blank."""
    if given.caption is None or not given.caption.strip():
        return []
    return [Candidate(given.caption, "user", "user")]
