"""What a scan looks at: the weights, the blocks that each look of the cascade takes, its power."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.stats import norm

from seedwitness.config.reading import suggest_names
from seedwitness.errors import ConfigError
from seedwitness.records.recipe import digest
from seedwitness.seeds.torch_cpu import BLOCK
from seedwitness.seeds.torch_cpu_half import BITS
from seedwitness.seedscan import mt19937_kernels, philox_kernels

Array = np.ndarray[Any, Any]

Kernel = Callable[..., int]

KERNELS: Mapping[str, Kernel] = {
    "torch-cpu": mt19937_kernels.scan,
    "torch-cpu-float16": partial(mt19937_kernels.scan, bits=BITS[torch.float16]),
    "torch-cpu-bfloat16": partial(mt19937_kernels.scan, bits=BITS[torch.bfloat16]),
    "philox-nv": philox_kernels.scan,
}
OF_MT19937 = tuple(name for name in KERNELS if name.startswith("torch-cpu"))
"""Those by torch's CPU generator, which has 32 bits of a seed, and of whose draws later ones cost
the state before all else."""

VERSION = 5

CHEAP, MOST = mt19937_kernels.CHEAP, 128
"""Blocks of 16 elements that the second look and the last take at most. The first two looks keep to
blocks among the first so many, which cost the generator of `torch-cpu` least."""

MISSED = (0.025, 0.01)
"""The chances that the first look and the second miss a true seed of the correlation that a plan is
made for."""

LAST = 4.3
"""What a score has to reach at the last look, and the most at any: chance leaves 37,000 of 2^32
seeds, and to ask for more would lose true seeds and save nothing."""

KEPT = 65_536
"""Of all seeds that are left for a query, the best so many are looked at in full."""


@dataclass(frozen=True)
class Look:
    """Which blocks a look takes, and what a score must reach there."""

    blocks: tuple[int, ...]
    threshold: float


@dataclass(frozen=True)
class Plan:
    """The looks that are taken, one after the other, of the weights [q, n], rows of length 1."""

    rng: str
    weights: Array
    looks: tuple[Look, ...]
    draw: int = 0
    """Which draw of the generator is looked at, each of as many elements as there are weights."""

    def at(self, look: Look) -> Array:
        """The blocks of a look as the generator counts them, from its first draw on."""
        found: Array = np.array(look.blocks) + self.draw * (self.weights.shape[1] // BLOCK)
        return found

    def lost(self, r: float) -> Array:
        """The chance, by query, that a look leaves the true seed out: [q].

        ``r`` (> 0) is the correlation of weights and noise. It is the sum over the looks, as if
        each weight were right by the same ``r``.
        """
        missed = [
            norm.cdf((look.threshold - r * self._reach(look.blocks)) / _spread(r))
            for look in self.looks
        ]
        found: Array = np.minimum(1.0, np.sum(missed, axis=0))
        return found

    def seen(self, z: float, chance: float = 0.95) -> float:
        """The least correlation that reaches ``z`` with this chance, for the worst of the queries.

        It has to pass the looks, and then to reach ``z`` on all elements. 1 where even that would
        not do.
        """
        whole = np.sqrt(self.weights.shape[1])

        def missed(r: float) -> float:
            last = norm.cdf((z - r * whole) / _spread(r))
            return float(self.lost(r).max() + last) - (1 - chance)

        return float(brentq(missed, 1e-6, 1.0, xtol=1e-4)) if missed(1.0) < 0 else 1.0

    def _reach(self, blocks: tuple[int, ...]) -> Array:
        """A true seed's mean score in ``blocks`` where its correlation is 1, by query."""
        found: Array = np.sqrt(self.weights.shape[1]) * np.linalg.norm(
            of(self.weights, blocks), axis=1
        )
        return found

    @property
    def key(self) -> str:
        """Names all that a part's content depends on."""
        content: dict[str, Any] = {"version": VERSION, "rng": self.rng, "kept": KEPT}
        content["draw"] = self.draw
        content["looks"] = [[look.threshold, *look.blocks] for look in self.looks]
        content |= {"queries": len(self.weights), "weights": self.weights.tobytes().hex()}
        return digest(content)[:32]


def kernel(rng: str, blocks: Array) -> Kernel:
    """The GPU's kernel where there are a GPU and Triton, else that of the cores; to one result.

    Their scores differ by 0.01 at most, so that of the seeds just at a threshold the one may keep
    a few that the other does not. The GPU's keeps to the CHEAP blocks of mt19937: what lies
    after them is asked of few seeds, and of the cores.
    """
    within = rng not in OF_MT19937 or int(blocks.max()) < CHEAP
    if within and torch.cuda.is_available() and find_spec("triton"):  # torch brings it if it can
        from seedwitness.seedscan import triton_kernels

        return triton_kernels.KERNELS[rng]
    return KERNELS[rng]


def plan_cascade(weights: Array, rng: str, least: float, draw: int = 0) -> Plan:
    """Weights [q, n] of any length, one row a query, in the order of the noise, as a scan's plan.

    It is made so that a seed is hardly ever lost whose noise and weights correlate by ``least`` or
    more, with MISSED as the chances, at the least cost: blocks with large weights come first, and
    as many of them as make the looks together the cheapest. A later ``draw`` than the first costs
    the state of the generator before all else, so that the first look takes as many as the second.

    Raises ConfigError for a protocol that cannot be scanned, weights that are too few or all zero,
    or a later draw of a number of elements that 16 does not divide.
    """
    if rng not in KERNELS:
        raise ConfigError(
            f"There is no scan of the RNG protocol `{rng}`.{suggest_names(rng, KERNELS)}"
        )
    rows = np.asarray(weights, np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if rows.shape[1] < BLOCK or not np.isfinite(lengths).all() or not lengths.all():
        raise ConfigError(
            f"A scan needs at least {BLOCK} finite weights that are not all zero, not "
            f"{rows.shape[1]} of length {lengths.min()}: the inversion left nothing of the noise."
        )
    if draw and (rng not in OF_MT19937 or rows.shape[1] % BLOCK):
        raise ConfigError(
            "Later pictures of a batch are looked for by torch's CPU generator alone, and where "
            f"{BLOCK} divides the elements of their noise: not by {rng}, {rows.shape[1]} elements. "
            "Set scan.pictures to 1."
        )
    unit = (rows / lengths).astype(np.float32)
    there = unit.shape[1] // BLOCK
    power = (unit[:, : there * BLOCK].reshape(len(unit), there, BLOCK) ** 2).sum(2)  # [q, blocks]
    order = np.argsort(-power.sum(0), kind="stable")
    cheap = order[:CHEAP] if draw else order[order < CHEAP]
    taken = tuple(sorted(cheap.tolist())), tuple(sorted(order[:MOST].tolist()))
    bare = Plan(rng, unit, ())

    def look(blocks: tuple[int, ...], missed: float) -> Look:
        mean = least * float(bare._reach(blocks).min())
        return Look(blocks, min(LAST, float(mean + norm.ppf(missed) * _spread(least))))

    firsts = [
        look(tuple(sorted(cheap[:number].tolist())), MISSED[0])
        for number in range(len(cheap) if draw else 1, len(cheap) + 1)
    ]
    first = min(
        firsts,
        key=lambda each: len(each.blocks) + len(cheap) * float(norm.sf(each.threshold)),
    )
    second, last = look(taken[0], MISSED[1]), Look(taken[1], LAST)
    between = [second] if len(first.blocks) < len(second.blocks) < len(last.blocks) else []
    return Plan(rng, unit, (first, *between, last), draw)


def of(weights: Array, blocks: tuple[int, ...]) -> Array:
    """The weights [q, n] in ``blocks``: [q, 16 · len(blocks)]."""
    found: Array = np.concatenate([weights[:, b * BLOCK : (b + 1) * BLOCK] for b in blocks], 1)
    return found


def _spread(r: float) -> float:
    """Standard deviation of a true seed's score at correlation ``r``."""
    return float(np.sqrt(max(1 - r * r, 1e-12)))
