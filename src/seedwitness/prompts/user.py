"""The prompt that the user states."""

from __future__ import annotations

from seedwitness.prompts.recovery_input import Candidate, RecoveryInput


def list_stated_prompts(recovery_input: RecoveryInput) -> list[Candidate]:
    """List the caption that the settings give the target; empty if it is missing or blank."""
    if recovery_input.caption is None or not recovery_input.caption.strip():
        return []
    return [Candidate(recovery_input.caption, "user", "user")]
