"""Prompts that the target's own metadata claims. Trivially forged."""

from __future__ import annotations

from seedwitness.prompts.given import Found, Given


def claimed(given: Given) -> list[Found]:
    """The prompt of every claim that has one, in the claims' order; blank ones are none."""
    return [
        Found(claim.prompt, "metadata", "metadata")
        for claim in given.claims
        if claim.prompt and claim.prompt.strip()
    ]
