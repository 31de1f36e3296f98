"""Documents of the pass phrase: how many bits make a checkpoint bring a target back."""

from __future__ import annotations

from typing import Literal

from seedwitness.records.document import Document
from seedwitness.records.rates import Rate


class SeedCost(Document):
    """log2 of the number of blind seeds until a copy; ``bits`` is None where none gave one.

    ``low`` and ``high`` are from the rate's 95 % interval: ``high`` is None where that reaches 0,
    and ``low`` is 0 where some seeds were not sampled to their last step, so that nothing bounds
    it.
    """

    copies: Rate
    bits: float | None
    low: float
    high: float | None


class CodedFile(Document):
    """The target as a file of an image codec, and how close the decoded image is to the target.

    ``reduction`` is the factor by which the image was made smaller before coding, and larger again
    after decoding.
    """

    codec: str
    reduction: int
    quality: int
    bytes: int
    score: float


class CodecComparison(Document):
    """How close a copy is to the target by one metric, and the smallest files as close as that."""

    metric: str
    label: str
    higher_is_closer: bool
    basis: Literal["median-copy", "closest-trial"]
    """Whose score it is: the median copy's, or the closest trial's where no blind seed gave a copy.
    """
    score: float
    files: list[CodedFile]
    """One a codec at most: a codec without a file that close is left out."""


class PassPhrase(Document):
    """What someone who has the checkpoint must be told, in bits: prompt, settings and seed."""

    prompt: str
    prompt_rank: int
    prompt_bits: float
    settings_bits: int
    seeds: SeedCost
    bits: float | None
    """Of all three together; None where no blind seed gave a copy."""
    low: float
    high: float | None
    reference: SeedCost | None
    """The same recipes on the reference checkpoint."""
    comparisons: list[CodecComparison]
