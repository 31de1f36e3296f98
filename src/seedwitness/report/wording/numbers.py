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
    return f", and {format_p(p_family)} adjusted by Holm for {family} cases"


RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
P_DIGITS = 3


def round_for_reading(value: float, digits: int = 4) -> str:
    """A number with ``digits`` significant digits, a minus sign and a power of ten as such.

    Thousands are separated.
    """
    text = f"{value:.{digits}g}"
    if "e" in text and 1e4 <= abs(value) < 1e15:
        return f"{float(text):,.0f}".replace("-", "−")
    if "e" in text:
        mantissa, power = text.split("e")
        text = f"{mantissa} × 10{str(int(power)).translate(RAISED)}"
    elif abs(value) >= 1000:
        text = f"{float(text):,.{len(text.partition('.')[2])}f}"
    return text.replace("-", "−")


def format_p(p: float) -> str:
    """A p-value with the precision that all p-values of a report have."""
    return round_for_reading(p, P_DIGITS)


def count_nouns(number: int, noun: str, plural: str = "") -> str:
    """A number and its noun: ``1 try``, ``4,096 tries``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
