"""Prompts that the target's own metadata claims. They are trivially forged."""

from __future__ import annotations

from seedwitness.prompts.recovery_input import Candidate, RecoveryInput


def list_claimed_prompts(recovery_input: RecoveryInput) -> list[Candidate]:
    """List the prompts of the claims, in the claims' order; blank ones are skipped."""
    return [
        Candidate(claim.prompt, "metadata", "metadata")
        for claim in recovery_input.claims
        if claim.prompt and claim.prompt.strip()
    ]
