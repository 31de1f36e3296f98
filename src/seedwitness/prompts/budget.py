"""A budget of evaluations of the denoiser, of seconds, or of both, which reports its progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

Report = Callable[[str, float], None]
"""Receives what is being computed, and the share of the budget that is spent, in [0, 1]."""


@dataclass
class Budget:
    """What a recovery may spend, and what it has spent.

    ``nfe`` bounds evaluations of the denoiser for one image each; a backward pass counts as one
    more. ``seconds`` bounds the time; a result that ended by it may differ at the next run, so
    ``ended_by_time`` says whether one did. None is no bound. ``report`` is called at each spending.
    """

    nfe: int | None = None
    seconds: float | None = None
    report: Report | None = None
    spent_nfe: int = 0
    ended_by_time: bool = False
    clock: Callable[[], float] = field(default=monotonic, repr=False)
    _began: float | None = field(default=None, repr=False)

    def can_spend(self, nfe: int = 0) -> bool:
        """Whether ``nfe`` more evaluations are within the budget, now."""
        if self._began is None:
            self._began = self.clock()
        if self.seconds is not None and self.clock() - self._began >= self.seconds:
            self.ended_by_time = True
            return False
        return self.nfe is None or self.spent_nfe + nfe <= self.nfe

    def spend(self, nfe: int, what: str) -> None:
        """Count ``nfe`` evaluations, and report what they were for."""
        self.spent_nfe += nfe
        if self.report and self.nfe:
            self.report(what, min(1.0, self.spent_nfe / self.nfe))

    def count_affordable(self, cost: int) -> int:
        """The number of computations of ``cost`` NFE each that the rest of the budget pays for."""
        if not self.can_spend():
            return 0
        if self.nfe is None:
            raise ValueError("a count needs a bound of the NFE")
        return (self.nfe - self.spent_nfe) // cost

    def share(self, nfe: int) -> Budget:
        """A budget of its own of ``nfe`` at most, within the time that is left of this one."""
        left = None
        if self.seconds is not None:
            began = self.clock() if self._began is None else self._began
            left = max(0.0, self.seconds - (self.clock() - began))
        bound = nfe if self.nfe is None else min(nfe, self.nfe - self.spent_nfe)
        return Budget(nfe=bound, seconds=left, report=self.report, clock=self.clock)
