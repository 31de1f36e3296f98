"""Decisions as codes and values; their sentences are made in ``report/wording``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seedwitness.records.document import Document

ReasonCode = Literal[
    # why a finding for *memorised* is what it is
    "rank-at-most-alpha",
    "rank-above-alpha",
    "copies-counted",
    "close-but-no-copy",
    "copies-but-controls-close",
    "too-few-controls",
    "case-is-reference",
    "reference-no-blind-trials",
    "reference-gain-above-alpha",
    "reference-ranks-close",
    "reference-copies-too",
    "own-output-not-excluded",
    # why nothing is concluded, whatever the figures
    "target-flat",
    "blank-sheet-is-copy",
    "target-among-controls",
    "target-generated",
    "reference-same-weights",
    "score-out-of-range",
    "duplicate-images",
    "control-also-learned",
    "controls-in-corpus",
    # the error rate of *memorised*
    "error-rate",
    "error-rate-above-alpha",
    "error-rate-not-given",
    # limits of *memorised*
    "p-resolution",
    "controls-stopped-early",
    "conditional-error-rate",
    "lab-weights",
    "control-left-out",
    "reference-latent-shape",
    "reference-kind",
    "search-ended-at-copies",
    "search-ended-early",
    "rarity-by-latent-distance",
    "trials-chosen-by-results",
    "prompt-more-specific",
    "reference-not-compared",
    "provenance-stated",
    # what a sensitivity variant changes
    "one-control-fewer",
    "ranked-by-metric",
    "half-of-trials",
    # propositions, support, and why there is no likelihood ratio
    "comes-back-as-learned",
    "comes-back-as-unseen",
    "support",
    "no-support",
    "likelihood-case-excluded",
    "likelihood-no-stated-prompt",
    "likelihood-misleads",
    "likelihood-target-generated",
    "likelihood-controls-stopped",
    "likelihood-too-few-images",
    "likelihood-no-separation",
    # why a finding for *generated* is what it is
    "target-too-large",
    "size-not-made",
    "size-only-placed",
    "no-seed-candidate",
    "no-seed-recovered",
    "seed-recovered",
    "recipe-identical",
    "recipe-reproduces",
    "recipe-not-found",
    "claimed-seed-recovered",
    "claimed-seed-absent",
    # limits of *generated*
    "seed-space-in-part",
    "target-is-placed",
    "near-identical-checkpoint",
    "claimed-settings-unused",
    "scan-scope",
    # why a finding for *exposed* is what it is
    "exposed-gain-at-most-alpha",
    "exposed-gain-above-alpha",
    "exposed-reference-low",
    "exposed-without-reference",
    "target-overlaps-control",
    "loss-not-finite",
    "blind-tells-apart",
    # limits of *exposed*
    "exposed-no-copy",
    "exposed-validation",
    "exposed-shift",
    "exposed-without-caption",
    "controls-without-caption",
    "controls-without-loss",
    "reference-other-parts",
    "reference-other-objective",
    # portfolios
    "portfolio-gain-at-most-alpha",
    "portfolio-gain-above-alpha",
    "portfolio-too-small",
    "portfolio-several-artists",
    "portfolio-work-held-out",
    "portfolio-loss-not-finite",
    "portfolio-blind-tells-apart",
    "portfolio-duplicates",
    "portfolio-of-the-set",
    "portfolio-outputs",
    "portfolio-two-groups",
    # why a search ended
    "recipes-completed",
    "sweep-completed",
    "halving-completed",
    "variations-completed",
    "rarity-estimated",
    "copies-reached",
    "no-copy-in-trials",
    # why a report cites a trial
    "closest-trial",
    "closest-copy",
    "close-with-image",
]
"""The closed set of codes; ``docs/reason-codes.md`` explains each and its values."""

ReasonValues = dict[str, str | int | float | bool | list[str] | list[int] | None]


class Reason(Document):
    """A decision by its code, with every number and name that its sentence needs."""

    code: ReasonCode
    values: ReasonValues = Field(default_factory=dict)
