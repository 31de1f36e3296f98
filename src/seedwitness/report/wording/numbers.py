"""Numbers and names inside a sentence."""

from __future__ import annotations

from collections.abc import Sequence


def join_names(names: Sequence[str], conjunction: str) -> str:
    """Names with commas, and ``conjunction`` before the last."""
    *others, last = names
    return f"{', '.join(others)} {conjunction} {last}" if others else last


def format_seed_share(share: float) -> str:
    """A share of the seed space as a percentage, never rounded up to all of it."""
    percent = 100 * share
    return f"{percent:.2g} %" if percent < 99 else "over 99 %"


def format_percent(share: float) -> str:
    """A share of one as a percentage of three significant digits."""
    return f"{100 * share:.3g} %"


def format_holm(family: int, p_family: float) -> str:
    """The clause for p adjusted by Holm; empty where the family is one case."""
    if family == 1:
        return ""
    return f", and {p_family:.3g} adjusted by Holm for {family} cases"
