"""A series of random tamperings, and whether each verification finds them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError
from yaml import YAMLError

from benchmarks.bundle.forged_files import Files
from benchmarks.bundle.tampering import SEALINGS, TAMPERINGS, seal_again

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


UNSEALABLE = (ValueError, KeyError, AttributeError, TypeError)


@dataclass(frozen=True)
class Tampered:
    """One bundle that was tampered with: how, what class of file, and how it was sealed again."""

    way: str
    kind: str
    sealing: str
    files: Files


def tamper(files: Files, count: int, seed: int, forger: Ed25519PrivateKey) -> Iterator[Tampered]:
    """``count`` bundles that differ from ``files``; ways and sealings take turns."""
    rng = random.Random(seed)
    plans = [(way, sealing) for way in TAMPERINGS for sealing in SEALINGS]
    made = 0
    while made < count:
        way, sealing = plans[made % len(plans)]
        changed = dict(files)
        kind = TAMPERINGS[way](changed, rng)
        try:
            seal_again(sealing, forger)(changed)
        except (*UNSEALABLE, ValidationError, YAMLError):
            continue  # a record or lock file so damaged that nobody can seal it: another one
        if changed != files:
            made += 1
            yield Tampered(way, kind, sealing, changed)
