"""Figures keep their digits, foreign text keeps its place."""

from __future__ import annotations

import re

import pytest
from markupsafe import Markup

from seedwitness.report.formatting import (
    fold_foreign_text,
    format_figure,
    format_percentage,
    make_visible,
    mark_code,
    round_for_reading,
    shorten,
)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (0.123456789, "0.1235"),
        (-3.0, "−3"),
        (12345.678, "12,350"),
        (1e-7, "1 × 10⁻⁷"),
        (0.01, "0.01"),
    ],
)
def test_a_figure_is_rounded_to_read_and_exact_in_its_value(value: float, read: str) -> None:
    assert round_for_reading(value) == read
    assert format_figure(value) == f"<data value='{value!r}'>{read}</data>"


def test_whole_numbers_are_never_rounded() -> None:
    assert ">4,294,967,295<" in format_figure(4_294_967_295)


def test_nothing_is_a_dash_and_not_a_zero() -> None:
    assert (format_figure(None), ">0<" in format_figure(0)) == ("–", True)


def test_a_share_is_a_percentage_with_its_value() -> None:
    assert format_percentage(0.2059) == "<data value='0.2059'>20.6 %</data>"


@pytest.mark.parametrize(
    "character", ["\x00", "\x07", "\r", "\u202e", "\u2066", "\u200b", "\ufeff"]
)
def test_what_hides_is_spelled_out(character: str) -> None:
    assert make_visible(f"a{character}b") == f"a⟨U+{ord(character):04X}⟩b"


def test_scripts_and_emoji_stay_as_they_are() -> None:
    text = "می\u200cخواهم 👩\u200d🎨 日本語\n\tété"
    assert make_visible(text) == text


def test_text_is_escaped_whether_folded_or_not() -> None:
    hostile = "<script>alert(\"1\")</script> & 'x'"
    for text in (hostile, hostile * 100):
        shown = fold_foreign_text(text)
        assert isinstance(shown, Markup)
        assert "<script" not in shown
        assert "&lt;script&gt;" in shown


def test_long_text_is_folded_and_whole() -> None:
    text = "feather " * 1250
    shown = fold_foreign_text(text)
    assert shown.startswith('<details class="fold">')
    assert "(10000 characters)" in shown
    assert text in shown
    assert "<details" in fold_foreign_text("line\n" * 10)
    assert "<details" not in fold_foreign_text("a short one\nof two lines")
    assert "(empty)" in fold_foreign_text("")


def test_a_text_alternative_is_one_short_line() -> None:
    assert shorten("a\nb  c") == "a b c"
    assert len(shorten("x" * 1000)) == 101
    assert not re.search(r"\n", shorten("\n" * 50))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("say `run <x>` & see", "say <code>run &lt;x&gt;</code> &amp; see"),
        ("`a` or `b`", "<code>a</code> or <code>b</code>"),
        ("an odd ` is left", "an odd ` is left"),
        ("<b>", "&lt;b&gt;"),
    ],
)
def test_what_stands_between_backticks_is_code_and_all_is_escaped(text: str, html: str) -> None:
    assert str(mark_code(text)) == html
