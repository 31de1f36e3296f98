"""Prompts that the target's own metadata claims. Trivially forged."""

from __future__ import annotations

from seedwitness.prompts.recovery_input import Candidate, RecoveryInput


def claimed(given: RecoveryInput) -> list[Candidate]:
    """The prompt of every claim that has one, in the claims' order; blank ones are none."""
    return [
        Candidate(claim.prompt, "metadata", "metadata")
        for claim in given.claims
        if claim.prompt and claim.prompt.strip()
    ]
