"""How much was made for a target: prompts, seeds, outputs and evaluations of the denoiser."""

from __future__ import annotations

from typing import Literal

from seedwitness.records.document import Document

WorkStage = Literal["search", "replay", "scan"]


class WorkCount(Document):
    """What one stage made for one case.

    ``nfe_spent`` is what the stage itself counted, and ``nfe_accounted`` the sum over its outputs;
    None where the stage does not count.
    """

    checkpoint: str
    """The checkpoint of the case; the outputs of ``replay`` were made by the reference."""
    stage: WorkStage
    prompts: int
    seeds: int
    outputs: int
    nfe_spent: int | None
    nfe_accounted: int | None


class AttemptWork(Document):
    """One attempt on the target's pixels, and what it made.

    ``counts`` is empty where nothing was recorded: an attempt that was broken off, or that an older
    version made.
    """

    entry: str
    time: str
    is_own: bool
    """Whether it is the attempt of this report."""
    is_finished: bool
    counts: list[WorkCount]


class WorkEvidence(Document):
    """All attempts on the target's pixels, the earliest first, and their sums."""

    attempts: list[AttemptWork]
    not_finished: int
    not_recorded: int
    outputs: int
    nfe_spent: int
    nfe_accounted: int
