"""The document ``recover.json``: which recovery methods ran, and on which inputs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seedwitness.records.document import Document

PromptSource = Literal["corpus", "metadata", "user", "recovered"]


class PromptRecovery(Document):
    """``recover.json``: the recovery methods, their inputs, and the phrases left out."""

    methods: dict[str, int]
    """The number of prompt candidates that each method gave."""
    model: str
    model_sha256: str
    model_label: str
    token_limit: int
    """Tokens that the text encoder reads, begin and end included; longer texts are truncated."""
    vocabulary: int
    code: str
    """The code by which the bits of a prompt are counted."""
    phrases: str = ""
    """The source of the phrases."""
    phrases_ranked: int = 0
    phrases_too_long: int = 0
    """Phrases left out because the text encoder would truncate them."""
    tables: str = ""
    """The tables of the method ``interrogate``: a folder, or our own."""
    captioners: list[str] = Field(default_factory=list)
    """The captioners of the method ``caption``, or the stand-in for one."""
    negative_prompt: str = ""
    """What the mode ``negative`` recovered: no candidate, as no target was made from it alone."""
    shortlist: list[str] = Field(default_factory=list)
    """Phrases closest to the target, which methods on the checkpoint draw from; empty where no
    method uses phrases."""
    ended_by_time: bool = False
    """Whether a limit in time ended a method: then the next run may give other candidates."""


class RefinedPrompt(Document):
    """A finalist: the method that made it, and the latent distance of its regenerations."""

    prompt: str
    method: str
    """The method on the checkpoint; empty where recovery or lookup gave it before."""
    distance: float
    """The mean RMS latent distance of its short regenerations; lower is closer."""
    selected: bool


class PromptRefinement(Document):
    """``refinement.json``: what was spent on a case's prompts, and the finalists, closest first."""

    methods: list[str]
    score: str
    budget_nfe: int
    nfe: int
    ended_by_time: bool
    prompts: list[RefinedPrompt]
