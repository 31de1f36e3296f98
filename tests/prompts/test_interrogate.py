"""CLIP Interrogator's modes: its rules by a second implementation, within the limit, repeatable."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seedwitness.errors import ConfigError
from seedwitness.prompts import METHODS
from seedwitness.prompts.interrogate import make_negative_prompt
from seedwitness.prompts.phrase_tables import KINDS, OWN, load_tables
from seedwitness.prompts.recovery_input import Candidate, RecoveryInput, TextEncoder, Vectors

LAB_TABLES = {
    "artists": ["Petra Lumen", "Ilo Vanterpool", "Oskar Nemet"],
    "mediums": ["screen print", "oil on canvas", "gouache on paper"],
    "movements": ["moonlit mood", "festive mood"],
    "trending": ["trending on artstation"],
    "flavors": [
        "ember palette",
        "candy palette",
        "moss palette",
        "frost palette",
        "an owl",
        "a fox",
    ],
    "negative": ["highly detailed"],
}


def write_tables(folder: Path, reverse: bool = False) -> Path:
    folder.mkdir()
    for kind, lines in LAB_TABLES.items():
        text = "\n".join(lines[::-1] if reverse else lines)
        (folder / f"{kind}.txt").write_text(text + "\n\n", encoding="utf-8")
    return folder


@pytest.fixture
def given(encoder: TextEncoder, image: Vectors, tmp_path: Path) -> RecoveryInput:
    tables = load_tables(write_tables(tmp_path / "tables"), encoder)
    return RecoveryInput(image, [], None, encoder, None, 12, 64, tables=tables)


def cosine(given: RecoveryInput, text: str) -> float:
    return round(float(given.encoder.embed([text])[0] @ given.image), 6)


def plain_chain(given: RecoveryInput, opening: str, phrases: list[str], sign: int = 1) -> str:
    """The chain, one text at a time: the first 8 additions forced, 32 at most, within the limit."""
    text, best = opening, sign * cosine(given, opening) if opening else -2.0
    left = list(phrases)
    for number in range(32):
        longer = {phrase: f"{text}, {phrase}" if text else phrase for phrase in left}
        fits = {p: t for p, t in longer.items() if given.encoder.count_tokens(t) <= 32}
        if not fits:
            break
        phrase = min(fits, key=lambda p: (-sign * cosine(given, fits[p]), fits[p]))
        score = sign * cosine(given, fits[phrase])
        if score <= best and number >= 8:
            break
        text, best = fits[phrase], max(best, score)
        left.remove(phrase)
    return text


def test_each_mode_follows_its_rule(given: RecoveryInput) -> None:
    found = {each.method: each.text for each in METHODS["interrogate"](given)}
    everything = [
        *(f"by {name}" for name in LAB_TABLES["artists"]),
        *(
            text
            for kind in ("mediums", "movements", "trending", "flavors")
            for text in LAB_TABLES[kind]
        ),
    ]
    ranked = sorted(everything, key=lambda text: (-cosine(given, text), text))
    chain = plain_chain(given, "", ranked)
    fast: list[str] = []
    for phrase in ranked:
        if given.encoder.count_tokens(", ".join([*fast, phrase])) > 32:
            break
        fast.append(phrase)

    def best_of(kind: str, count: int = 1) -> list[str]:
        prefix = "by " if kind == "artists" else ""
        texts = [prefix + text for text in LAB_TABLES[kind]]
        return sorted(texts, key=lambda text: (-cosine(given, text), text))[:count]

    classic = [
        *(
            text
            for kind in ("mediums", "artists", "trending", "movements")
            for text in best_of(kind)
        ),
        *best_of("flavors", 3),
    ]
    while given.encoder.count_tokens(", ".join(classic)) > 32:
        classic.pop()
    texts = {chain, ", ".join(fast), ", ".join(classic)}
    assert found["interrogate-fast"] == ", ".join(fast)
    assert found["interrogate-classic"] == ", ".join(classic)
    best = max(texts, key=lambda text: cosine(given, text))
    assert found.get("interrogate-best", best) == best
    assert best in found.values()
    scores = [cosine(given, each.text) for each in METHODS["interrogate"](given)]
    assert scores == sorted(scores, reverse=True)


def test_a_negative_prompt_is_made_of_what_fits_least(given: RecoveryInput) -> None:
    flavors = sorted(LAB_TABLES["flavors"], key=lambda text: (cosine(given, text), text))
    expected = plain_chain(given, "", [*LAB_TABLES["negative"], *flavors], sign=-1)
    text = make_negative_prompt(given)
    assert text == expected
    assert cosine(given, text) < min(
        cosine(given, each.text) for each in METHODS["interrogate"](given)
    )
    assert not any(each.method == "interrogate-negative" for each in METHODS["interrogate"](given))


def test_a_caption_opens_every_prompt_and_is_cut_to_the_limit(given: RecoveryInput) -> None:
    own = Candidate("a misty owl by Petra Lumen", "recovered", "caption-blip")
    for candidate in METHODS["interrogate"](replace(given, captions=[own])):
        assert candidate.text.startswith(own.text)
    long = Candidate("owl " * 100, "recovered", "caption-blip")
    for candidate in METHODS["interrogate"](replace(given, captions=[long])):
        assert given.encoder.count_tokens(candidate.text) <= 32
        assert candidate.text.startswith("owl owl")


def test_the_order_of_lines_has_no_effect(
    given: RecoveryInput, encoder: TextEncoder, tmp_path: Path
) -> None:
    other = load_tables(write_tables(tmp_path / "reversed", reverse=True), encoder)
    assert METHODS["interrogate"](replace(given, tables=other)) == METHODS["interrogate"](given)


def test_only_the_modes_of_the_settings_are_given(given: RecoveryInput) -> None:
    found = METHODS["interrogate"](replace(given, modes=["fast"]))
    assert [each.method for each in found] == ["interrogate-fast"]


def test_our_own_tables_are_whole_and_read_by_every_clip(encoder: TextEncoder) -> None:
    for kind in KINDS:
        lines = (OWN / f"{kind}.txt").read_text(encoding="utf-8").splitlines()
        assert len(lines) == len(set(lines)) >= 12
        assert all(line == line.strip() != "" for line in lines)
    tables = load_tables(None, encoder)
    assert tables.source == "our own tables"
    sizes = {kind: len(texts) for kind, texts in tables.texts.items()}
    assert min(sizes.values()) > 0
    np.testing.assert_allclose(np.linalg.norm(tables.embeddings["flavors"], axis=1), 1, atol=1e-5)


def test_missing_and_odd_tables_are_named(encoder: TextEncoder, tmp_path: Path) -> None:
    folder = write_tables(tmp_path / "tables")
    (folder / "trending.txt").unlink()
    assert load_tables(folder, encoder).texts["trending"] == ()
    (folder / "mediums.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"recover\.tables: .*mediums\.txt is not UTF-8"):
        load_tables(folder, encoder)
    (folder / "mediums.txt").write_text("\n")
    with pytest.raises(ConfigError, match=r"mediums\.txt is empty"):
        load_tables(folder, encoder)
    (folder / "mediums.txt").unlink()
    with pytest.raises(ConfigError, match=r"there is no file .*mediums\.txt"):
        load_tables(folder, encoder)


def test_long_phrases_are_counted(encoder: TextEncoder, tmp_path: Path) -> None:
    folder = write_tables(tmp_path / "tables")
    (folder / "flavors.txt").write_text("owl " * 500 + "\nan owl\n")
    tables = load_tables(folder, encoder)
    assert (tables.too_long_count, tables.texts["flavors"]) == (1, ("an owl",))


def test_without_tables_there_is_an_error(encoder: TextEncoder, image: Vectors) -> None:
    with pytest.raises(ConfigError, match=r"recover\.tables"):
        METHODS["interrogate"](RecoveryInput(image, [], None, encoder, None, 12, 64))
