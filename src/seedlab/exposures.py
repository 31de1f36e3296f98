"""What a training sees, in order: one pass over ordinary pictures with the special ones among them.

Every ordinary picture is seen at most once. A special picture is seen exactly as often as its plan
says, at random places of the sequence. A checkpoint that sees no special pictures sees further
ordinary ones in their places, and the same ordinary ones in all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedlab.drawing.world import Sketch

SHOWN = ("planted", "template", "portfolio")

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """A part of a sequence: runs of ordinary and special numbers, and where they stand.

    Each of ``ordinary_blocks``, and ``special``, holds consecutive numbers. ``order`` puts all of
    them, one after the other, into the order of the part.
    """

    ordinary_blocks: tuple[Numbers, ...]
    special: Numbers
    order: Numbers


class ExposureSequence:
    """The order of all exposures of a training; special ones are replaced where they are not seen.

    Special exposure ``k``, in the order of the sequence, is copy ``copies[k]`` of the sketch
    ``sketches[k]`` of the plan. The copies of a template are its pictures, each with its own part.
    """

    def __init__(
        self, sketches: Sequence[Sketch], ordinary: int, seed: int, *, sees_special: bool
    ) -> None:
        """Place the special exposures of ``sketches`` at random among ``ordinary`` pictures."""
        exposures = [sketch.exposures if sketch.kind in SHOWN else 0 for sketch in sketches]
        count = sum(exposures)
        rng = np.random.default_rng([seed, count, ordinary])
        order = rng.permutation(count)
        self.sketches = np.repeat(np.arange(len(sketches)), exposures)[order]
        self.copies = np.concatenate([np.arange(0), *map(np.arange, exposures)])[order]
        self.length = ordinary + count
        places = rng.choice(self.length, count, replace=False)
        self._is_special = np.zeros(self.length, bool)
        self._is_special[places] = True
        self._before = np.concatenate([[0], np.cumsum(self._is_special)])  # special ones before
        self._ordinary, self._sees_special = ordinary, sees_special

    def batch(self, start: int, stop: int) -> Batch:
        """The exposures at ``start`` up to ``stop``."""
        places = np.arange(start, stop)
        is_special = self._is_special[start:stop]
        ordinary = (places - self._before[start:stop])[~is_special]
        special = self._before[start:stop][is_special]
        order = np.argsort(np.concatenate([places[~is_special], places[is_special]]))
        if self._sees_special:
            return Batch((ordinary,), special, order)
        return Batch((ordinary, self._ordinary + special), special[:0], order)
