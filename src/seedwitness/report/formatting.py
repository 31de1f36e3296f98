"""Figures and foreign text as HTML: exact values kept, long text folded, hidden text shown."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from seedwitness.records.findings import CopyCriterion
from seedwitness.report.evidence import CaseEvidence
from seedwitness.report.wording.numbers import P_DIGITS, round_for_reading
from seedwitness.report.wording.phrases import title_metric

CODECS = {"jpeg": "JPEG", "webp": "WebP", "avif": "AVIF"}
FOLD_CHARACTERS, SUMMARY_CHARACTERS, FOLD_LINES = 280, 160, 6
DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
# The joiners U+200C and U+200D are not among them: scripts and emoji need these.
EMPTY = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0"
)
LINES = "\u2028\u2029\ufff9-\ufffb"
TAGS = "\U000e0000-\U000e007f"
HIDDEN = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{DIRECTIONS}{EMPTY}{LINES}{TAGS}]")
"""What a reader cannot see, or what turns the order of what is seen; tab and line feed are not."""


def format_figure(value: float | None, digits: int = 4) -> Markup:
    """A number rounded for reading; the element's ``value`` keeps all of its digits."""
    if value is None:
        return Markup("–")
    if isinstance(value, int):
        return Markup("<data value='{}'>{}</data>").format(value, f"{value:,}")
    return Markup("<data value='{}'>{}</data>").format(
        repr(value), round_for_reading(value, digits)
    )


def format_p_value(value: float | None) -> Markup:
    """A p-value, with the precision that all of them have."""
    return format_figure(value, P_DIGITS)


def format_percentage(value: float) -> Markup:
    """A share of one as a percentage of three digits."""
    return Markup("<data value='{}'>{} %</data>").format(
        repr(value), round_for_reading(100 * value, 3)
    )


def make_visible(text: str) -> str:
    """Text with its control, direction and zero-width characters spelled out."""
    return HIDDEN.sub(lambda match: f"⟨U+{ord(match.group()):04X}⟩", text)


def fold_foreign_text(text: str) -> Markup:
    """Foreign text, escaped and isolated in its direction; long text is folded."""
    shown = make_visible(text)
    if not shown.strip():
        return Markup('<span class="pale">(empty)</span>')
    if len(shown) <= FOLD_CHARACTERS and shown.count("\n") < FOLD_LINES:
        return Markup('<bdi class="text">{}</bdi>').format(shown)
    start = " ".join(shown[:SUMMARY_CHARACTERS].split())
    return Markup(
        '<details class="fold"><summary><bdi>{}…</bdi> <span class="pale">({} characters)</span>'
        '</summary><bdi class="text">{}</bdi></details>'
    ).format(start, len(text), shown)


def mark_code(text: str) -> Markup:
    """Own text, escaped; what stands between two backticks is marked as code."""
    parts = make_visible(text).split("`")
    if len(parts) % 2 == 0:
        return escape(make_visible(text))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else part
        for number, part in enumerate(parts)
    )


def shorten(text: str, length: int = 100) -> str:
    """The start of a text on one line, for a text alternative."""
    line = " ".join(make_visible(text).split())
    return line if len(line) <= length else f"{line[:length]}…"


def title_in_case(case: CaseEvidence, name: str) -> str:
    """The title of a metric by which ``case`` was scored, with its label."""
    labels = {distribution.metric: distribution.label for distribution in case.distributions}
    return title_metric(name, labels.get(name, ""))


def format_criterion(case: CaseEvidence, criterion: CopyCriterion) -> Markup:
    """A threshold in words: ``patch-l2 ≤ 0.15 (Carlini et al.)``."""
    sign = "≥" if criterion.higher_is_closer else "≤"
    return Markup("{} {} {} ({})").format(
        title_in_case(case, criterion.metric),
        sign,
        format_figure(criterion.threshold),
        escape(criterion.source),
    )


def to_css_class(finding: str) -> str:
    """A finding as a CSS class."""
    return finding.replace(" ", "-")
