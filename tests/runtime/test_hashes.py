"""Canonical JSON, and its form for a terminal."""

import json

from hypothesis import given
from hypothesis import strategies as st

from seedwitness.runtime.hashes import canonical_json, printable_json

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(TEXTS, TEXTS | st.integers()))
def test_printable_json_has_the_same_content_and_nothing_hidden(value: dict[str, object]) -> None:
    text = printable_json(value)
    assert text.isprintable()
    assert json.loads(text) == json.loads(canonical_json(value)) == value


def test_what_shows_stays() -> None:
    assert printable_json({"b": 1, "a": "Füchse 狐"}) == '{"a":"Füchse 狐","b":1}'
    assert printable_json("a\u202eb\x1b") == '"a\\u202eb\\u001b"'
