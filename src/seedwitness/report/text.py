"""Figures and foreign text as HTML: exact values kept, long text folded, nothing hidden in it."""

from __future__ import annotations

import unicodedata

from markupsafe import Markup, escape

from seedwitness.records.findings import CopyCriterion
from seedwitness.report.evidence import CaseEvidence

CODECS = {"jpeg": "JPEG", "webp": "WebP", "avif": "AVIF"}
LAB_WEIGHTS = "lab weights"
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LONG, SHOWN, LINES = 280, 160, 6
DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# The joiners U+200C and U+200D are not among them: scripts and emoji need these.
EMPTY = "\u200b\u2060\ufeff"


def figure(value: float | None, digits: int = 4) -> Markup:
    """A number rounded for reading; the element's ``value`` keeps all of its digits."""
    if value is None:
        return Markup("–")
    if isinstance(value, int):
        return Markup("<data value='{}'>{}</data>").format(value, value)
    return Markup("<data value='{}'>{}</data>").format(repr(value), rounded(value, digits))


def percent(value: float) -> Markup:
    """A share of one as a percentage of three digits."""
    return Markup("<data value='{}'>{} %</data>").format(repr(value), rounded(100 * value, 3))


def rounded(value: float, digits: int = 4) -> str:
    """``digits`` significant digits, with a true minus; ten to a power as such."""
    said = f"{value:.{digits}g}"
    if "e" in said:
        mantissa, power = said.split("e")
        said = f"{mantissa} × 10{str(int(power)).translate(RAISED)}"
    return said.replace("-", "−")


def visible(text: str) -> str:
    """Text in which nothing hides or turns: controls, directions, empty characters spelled out."""
    return "".join(
        f"⟨U+{ord(character):04X}⟩" if _hides(character) else character for character in text
    )


def folded(text: str) -> Markup:
    """Foreign text, escaped, its own direction kept to itself; what is long opens on demand."""
    shown = visible(text)
    if not shown.strip():
        return Markup('<span class="pale">(empty)</span>')
    if len(shown) <= LONG and shown.count("\n") < LINES:
        return Markup('<bdi class="text">{}</bdi>').format(shown)
    start = " ".join(shown[:SHOWN].split())
    return Markup(
        '<details class="fold"><summary><bdi>{}…</bdi> <span class="pale">({} characters)</span>'
        '</summary><bdi class="text">{}</bdi></details>'
    ).format(start, len(text), shown)


def coded(text: str) -> Markup:
    """Text of our own, escaped; what stands between two backticks in it is code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else part
        for number, part in enumerate(parts)
    )


def short(text: str, length: int = 100) -> str:
    """The start of a text in one line, for a text alternative."""
    line = " ".join(visible(text).split())
    return line if len(line) <= length else f"{line[:length]}…"


def metric_title(name: str, label: str) -> str:
    """A metric's name; whose weights stand in for the published ones is in it."""
    return f"{name} ({label})" if label == LAB_WEIGHTS else name


def title_in(case: CaseEvidence, name: str) -> str:
    """The title of a metric by which ``case`` was scored."""
    labels = {each.metric: each.label for each in case.distributions}
    return metric_title(name, labels.get(name, ""))


def criterion(case: CaseEvidence, each: CopyCriterion) -> Markup:
    """A threshold in words: ``patch-l2 ≤ 0.15 (Carlini et al.)``."""
    sign = "≥" if each.higher_is_closer else "≤"
    return Markup("{} {} {} ({})").format(
        title_in(case, each.metric), sign, figure(each.threshold), escape(each.source)
    )


def slug(finding: str) -> str:
    """A finding as the name of a CSS class."""
    return finding.replace(" ", "-")


def _hides(character: str) -> bool:
    if character in "\n\t":
        return False
    return unicodedata.category(character) == "Cc" or character in DIRECTIONS + EMPTY
