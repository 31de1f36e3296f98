"""Settings of a small search."""

from __future__ import annotations

from seedwitness.config.steps import SearchSettings


def search(**changes: object) -> SearchSettings:
    """A sweep of four steps of DDIM; ``changes`` stand in for entries, or add some."""
    plain = {
        "strategy": {"name": "sweep"},
        "budget_nfe": 8,
        "prompts": 1,
        "sampler": "ddim",
        "steps": 4,
        "guidance": 3.0,
    }
    return SearchSettings.model_validate(plain | changes)
