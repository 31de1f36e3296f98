"""Documents of the pass phrase: how many bits make a checkpoint bring a target back."""

from __future__ import annotations

from seedwitness.records.document import Document
from seedwitness.records.rates import Rate


class SeedCost(Document):
    """How many blind seeds it takes until a copy, as log2; ``bits`` is None where none was one.

    ``low`` and ``high`` are from the rate's 95 % interval, ``high`` None where that reaches 0, and
    ``low`` 0 where seeds were not carried to their end, so that nothing bounds it.
    """

    copies: Rate
    bits: float | None
    low: float
    high: float | None


class CodedFile(Document):
    """A file by an image codec, and how near the target is to what comes out of it.

    ``reduction`` says by what the picture was made smaller before, and larger again after.
    """

    codec: str
    reduction: int
    quality: int
    bytes: int
    distortion: float


class CodecComparison(Document):
    """How near the target a copy is by one metric, and the smallest files that are as near.

    Where no blind seed gave a copy it is the nearest of their trials that stands here.
    """

    metric: str
    label: str
    higher_is_closer: bool
    score: float
    files: list[CodedFile]
    """One a codec at most: a codec is left out where none of its files is as near."""


class PassPhrase(Document):
    """What has to be passed on to whoever has the checkpoint, in bits: prompt, settings, seed."""

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
    distortions: list[CodecComparison]
