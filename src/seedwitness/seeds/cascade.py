"""What a scan looks at: the weights, the blocks that each look of the cascade takes, its power."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.stats import norm

from seedwitness.config import known
from seedwitness.errors import ConfigError
from seedwitness.records import digest
from seedwitness.seeds import scan_mt19937, scan_philox

Array = np.ndarray[Any, Any]

KERNELS: Mapping[str, ModuleType] = {"torch-cpu": scan_mt19937, "philox-nv": scan_philox}
BLOCK = 16

VERSION = 2


@dataclass(frozen=True)
class Cascade:
    """Blocks of 16 elements that the two quick looks take, and what a score must reach there."""

    first_blocks: int = 10
    first_threshold: float = 2.4
    second_blocks: int = 39
    second_threshold: float = 4.3
    kept: int = 65_536
    """Of all seeds that are left for a query, the best so many are looked at in full: more than
    chance leaves of 2^32 (37,000), so that this loses none."""


@dataclass(frozen=True)
class Plan:
    """Which blocks each look takes of the weights [q, n], each row of length 1."""

    rng: str
    weights: Array
    cascade: Cascade
    first: Array
    second: Array

    def lost(self, r: float) -> Array:
        """The chance, by query, that a quick look leaves the true seed out: [q].

        ``r`` (> 0) is the correlation of weights and noise. It is the sum over both looks, as if
        each weight were right by the same ``r``.
        """
        looks = (
            (self.first, self.cascade.first_threshold),
            (self.second, self.cascade.second_threshold),
        )
        spread = np.sqrt(max(1 - r * r, 1e-12))
        whole = np.sqrt(self.weights.shape[1])
        missed = [
            norm.cdf(
                (threshold - r * whole * np.linalg.norm(of(self.weights, blocks), axis=1)) / spread
            )
            for blocks, threshold in looks
        ]
        found: Array = np.minimum(1.0, np.sum(missed, axis=0))
        return found

    def seen(self, z: float, chance: float = 0.95) -> float:
        """The least correlation that reaches ``z`` with this chance, for the worst of the queries.

        It has to pass the quick looks, and then to reach ``z`` on all elements. 1 where even that
        would not do.
        """
        whole = np.sqrt(self.weights.shape[1])

        def missed(r: float) -> float:
            last = norm.cdf((z - r * whole) / np.sqrt(max(1 - r * r, 1e-12)))
            return float(self.lost(r).max() + last) - (1 - chance)

        return float(brentq(missed, 1e-6, 1.0, xtol=1e-4)) if missed(1.0) < 0 else 1.0

    @property
    def key(self) -> str:
        """Names all that a part's content depends on."""
        content = {"version": VERSION, "rng": self.rng, "cascade": asdict(self.cascade)}
        content |= {"queries": len(self.weights), "weights": self.weights.tobytes().hex()}
        return digest(content)[:32]


def kernel(rng: str) -> Callable[..., int]:
    """The GPU's kernel where there are a GPU and Triton, else that of the cores; to one result.

    Their scores differ by less than 0.01, so that of the seeds just at a threshold the one may keep
    a few that the other does not.
    """
    if torch.cuda.is_available() and find_spec("triton"):  # torch brings it where it can
        from seedwitness.seeds import scan_triton

        return scan_triton.KERNELS[rng]
    scan: Callable[..., int] = KERNELS[rng].scan
    return scan


def plan(weights: Array, rng: str, cascade: Cascade | None = None) -> Plan:
    """Weights [q, n] of any length, one row a query, in the order of the noise, as a scan's plan.

    The blocks with the largest weights come first. Raises ConfigError for a protocol that cannot be
    scanned, or weights that are too few or all zero.
    """
    cascade = cascade or Cascade()
    if rng not in KERNELS:
        raise ConfigError(f"There is no scan of the RNG protocol `{rng}`.{known(rng, KERNELS)}")
    rows = np.asarray(weights, np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if rows.shape[1] < BLOCK or not np.isfinite(lengths).all() or not lengths.all():
        raise ConfigError(
            f"A scan needs at least {BLOCK} finite weights that are not all zero, not "
            f"{rows.shape[1]} of length {lengths.min()}: the inversion left nothing of the noise."
        )
    unit = (rows / lengths).astype(np.float32)
    there = min(unit.shape[1] // BLOCK, getattr(KERNELS[rng], "BLOCKS", unit.shape[1]))
    blocks = unit[:, : there * BLOCK].reshape(len(unit), there, BLOCK)
    order = np.argsort(-(blocks**2).sum((0, 2)), kind="stable")
    looks = [np.sort(order[:n]) for n in (cascade.first_blocks, cascade.second_blocks)]
    return Plan(rng, unit, cascade, *looks)


def of(weights: Array, blocks: Array) -> Array:
    """The weights [q, n] in ``blocks``: [q, 16 · len(blocks)]."""
    found: Array = np.concatenate([weights[:, b * BLOCK : (b + 1) * BLOCK] for b in blocks], 1)
    return found
