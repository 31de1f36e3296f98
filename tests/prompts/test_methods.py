"""Recovery methods: real tokens, greedy chains that rise, the same prompts at every run."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import pytest

from seedwitness.errors import CheckpointError, ConfigError
from seedwitness.metrics.clip_score import ClipScore
from seedwitness.prompts import METHODS, recover
from seedwitness.prompts.encoder import text_encoder
from seedwitness.prompts.recovery_input import Phrasebook, RecoveryInput, TextEncoder, Vectors
from seedwitness.prompts.phrasebook import from_captions, from_file, parts
from seedwitness.records.tables import PROMPTS
from seedwitness.records.target import Claim
from seedwitness.statistics.description_length import text_bits

HARMLESS = "<b onclick=\"x()\">an owl</b>\n'at' night; " + "owl " * 2500  # 10,000 characters
Giving = Callable[..., RecoveryInput]


@pytest.fixture
def giving(encoder: TextEncoder, image: Vectors) -> Giving:
    def give(book: Phrasebook | None = None, **changed: object) -> RecoveryInput:
        given = RecoveryInput(image, [], None, encoder, book, most_phrases=6, shortlist=16)
        return replace(given, **changed)

    return give


def texts(found: list) -> dict[str, str]:
    return {each.method: each.text for each in found}


def test_tokens_are_those_of_the_tokenizer(clip: ClipScore, encoder: TextEncoder) -> None:
    for text in ["", "an owl", "<b>Owl</b> & 日本\n", "owl " * 40]:
        tokens = clip.tokenizer.tokenizer.tokenize(text)
        assert encoder.count(text) == len(tokens) + 2
    assert encoder.limit == clip.model.context_length == 32
    assert encoder.vocabulary == clip.model.vocab_size


def test_tokens_are_counted_with_clips_own_tokenizer_too(clip: ClipScore) -> None:
    own = open_clip.get_tokenizer("ViT-B-32")
    counted = text_encoder(replace(clip, tokenizer=own))
    assert (counted.limit, counted.vocabulary) == (77, 49408)
    for text in ["", "an owl at night", "<b>Owl</b> &amp; 日本\n", "owl " * 300]:
        tokens = own([text], context_length=2000)[0]
        assert counted.count(text) == int((tokens != 0).sum())


def test_a_tokenizer_that_cannot_be_counted_is_refused(clip: ClipScore) -> None:
    masking = open_clip.tokenizer.SimpleTokenizer(reduction_mask="simple")
    with pytest.raises(CheckpointError, match=r"SimpleTokenizer.*clip\.path"):
        text_encoder(replace(clip, tokenizer=masking))
    with pytest.raises(CheckpointError, match="cannot be counted"):
        text_encoder(replace(clip, tokenizer=lambda found: clip.tokenizer(found)))


def test_metadata_gives_its_claims_unchanged(giving: Giving) -> None:
    claims = [
        Claim(tool="a", prompt=HARMLESS),
        Claim(tool="b"),
        Claim(tool="c", prompt=" \n"),
        Claim(tool="d", prompt="an owl", negative_prompt="blurry"),
    ]
    found = METHODS["metadata"](giving(claims=claims))
    assert [(each.text, each.source) for each in found] == [
        (HARMLESS, "metadata"),
        ("an owl", "metadata"),
    ]
    assert METHODS["metadata"](giving()) == []


@pytest.mark.parametrize("blank", [None, "", " \n\t"])
def test_the_user_is_taken_at_their_word(giving: Giving, blank: str | None) -> None:
    (found,) = METHODS["user"](giving(caption=HARMLESS))
    assert (found.text, found.source) == (HARMLESS, "user")
    assert METHODS["user"](giving(caption=blank)) == []


def test_captions_are_counted_whole_and_in_parts(encoder: TextEncoder) -> None:
    book = from_captions(["an owl, night", "an owl, night", "an owl", " , ", "cat, cat"], encoder)
    whole = {"an owl, night": 2, "an owl": 3, ",": 1, "cat, cat": 1}
    assert dict(zip(book.texts, book.counts, strict=True)) == {**whole, "night": 2, "cat": 1}
    assert {text for text, opens in zip(book.texts, book.opens, strict=True) if opens} == {*whole}
    extends = {text for text, does in zip(book.texts, book.extends, strict=True) if does}
    assert extends == {"an owl", "night", "cat"}
    assert book.texts == tuple(sorted(book.texts))
    np.testing.assert_allclose(book.embeddings, encoder.embed(book.texts), atol=1e-5)


def test_a_file_has_a_phrase_a_line(encoder: TextEncoder, tmp_path: Path) -> None:
    path = tmp_path / "phrases.txt"
    path.write_bytes("\ufeffan owl, at night\r\n\r\n  oil \n<b>&\n".encode())
    book = from_file(path, encoder)
    assert set(book.texts) == {"an owl, at night", "oil", "<b>&"}
    assert all(book.opens)
    assert all(book.extends)
    assert book.source == "phrases.txt"


def test_a_file_that_is_none_is_named(encoder: TextEncoder, tmp_path: Path) -> None:
    path = tmp_path / "phrases.txt"
    with pytest.raises(ConfigError, match=r"recover\.phrases: there is no file .*phrases\.txt"):
        from_file(path, encoder)
    path.write_text(" \n\n")
    with pytest.raises(ConfigError, match=r"phrases\.txt is empty"):
        from_file(path, encoder)
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError, match=r"phrases\.txt is not UTF-8"):
        from_file(path, encoder)


def plain_chain(given: RecoveryInput, opening: str, pieces: list[str]) -> str:
    """The greedy chain again, one text at a time."""

    def cosine(text: str) -> float:
        return float(given.encoder.embed([text])[0] @ given.image)

    taken = [opening]
    while len(taken) < given.most_phrases:
        options = [piece for piece in pieces[: given.shortlist] if piece not in taken]
        joined = [", ".join([*taken, piece]) for piece in options]
        fitting = [text for text in joined if given.encoder.count(text) <= given.encoder.limit]
        best = max(fitting, key=cosine, default="")
        if not best or cosine(best) <= cosine(", ".join(taken)):
            break
        taken.append(best.removeprefix(", ".join(taken) + ", "))
    return ", ".join(taken)


def test_phrases_are_chained_as_a_plain_search_chains_them(
    giving: Giving, captions: list[str], encoder: TextEncoder, image: Vectors, tmp_path: Path
) -> None:
    pieces = sorted({part for caption in captions for part in parts(caption)})
    path = tmp_path / "phrases.txt"
    path.write_text("\n".join(pieces))
    cosines = dict(zip(pieces, encoder.embed(pieces) @ image, strict=True))
    pieces.sort(key=lambda piece: -cosines[piece])
    given = giving(from_file(path, encoder))
    found = texts(METHODS["phrases"](given))
    assert found["phrases-single"] == pieces[0]
    assert found["phrases-best"] == plain_chain(given, pieces[0], pieces)
    assert len(parts(found["phrases-best"])) > 1  # else nothing was chained
    fast = found["phrases-fast"].split(", ")
    assert fast == pieces[: len(fast)]
    longer = ", ".join(pieces[: len(fast) + 1])
    assert len(fast) == given.most_phrases or encoder.count(longer) > encoder.limit


def test_of_captions_a_whole_one_opens_and_parts_extend(
    giving: Giving, captions: list[str], encoder: TextEncoder, image: Vectors
) -> None:
    short = [", ".join(parts(caption)[:2]) for caption in captions]
    found = texts(METHODS["phrases"](giving(from_captions(short, encoder))))
    cosines = dict(zip(short, encoder.embed(short) @ image, strict=True))
    assert found["phrases-single"] == max(short, key=lambda text: cosines[text])
    added = found["phrases-best"].removeprefix(found["phrases-single"])
    pieces = {part for caption in short for part in parts(caption)}
    assert {*parts(added)} <= pieces
    assert not {*parts(added)} & {*parts(found["phrases-single"])}
    assert {*parts(found["phrases-fast"])} <= pieces


@pytest.mark.parametrize("most", [1, 2, 3])
def test_no_more_phrases_than_asked_for_are_chained(
    giving: Giving, captions: list[str], encoder: TextEncoder, most: int
) -> None:
    given = giving(from_captions(captions, encoder), most_phrases=most)
    found = texts(METHODS["phrases"](given))
    added = found["phrases-best"].removeprefix(found["phrases-single"])
    assert len(parts(added)) <= most - 1
    assert len(parts(found["phrases-fast"])) <= most


def test_the_same_captions_in_any_order_give_the_same_prompts(
    giving: Giving, captions: list[str], encoder: TextEncoder
) -> None:
    first = METHODS["phrases"](giving(from_captions(captions, encoder)))
    assert len(first) == 3
    assert METHODS["phrases"](giving(from_captions(captions[::-1], encoder))) == first


def test_equals_are_ordered_by_text(giving: Giving, encoder: TextEncoder, tmp_path: Path) -> None:
    # The tokenizer does not tell capitals from small letters.
    path = tmp_path / "phrases.txt"
    for lines in (["an owl", "AN OWL", "An Owl"], ["An Owl", "an owl", "AN OWL"]):
        path.write_text("\n".join(lines))
        found = texts(METHODS["phrases"](giving(from_file(path, encoder))))
        assert found["phrases-single"] == "AN OWL"
        assert found["phrases-fast"] == "AN OWL, An Owl, an owl"


def test_no_prompt_outgrows_the_text_encoder(
    giving: Giving, captions: list[str], encoder: TextEncoder, clip: ClipScore
) -> None:
    endless = ["owl" * 3333 + "x", "an owl, " * 1250, HARMLESS, "日本" * 5000]
    assert all(len(each) >= 10_000 for each in endless)
    book = from_captions([*endless, *captions], encoder)
    # Each of them as a whole; the parts of the second can be read.
    assert book.too_long == 4
    given = giving(book, most_phrases=100, shortlist=100)
    table, _ = recover(["phrases"], given)
    assert len(table) == 3
    assert table["tokens"].max() <= encoder.limit
    for row in table.to_dict("records"):
        assert row["tokens"] == encoder.count(row["text"])
        # What the model reads ends with the last word, not before it.
        (numbers,) = clip.tokenizer([row["text"]])
        (further,) = clip.tokenizer([row["text"]], context_length=500)
        assert further[encoder.limit :].unique().tolist() == [int(numbers[-1])]
    fast = table["tokens"][table["method"] == "phrases-fast"].item()
    assert fast > encoder.limit - 12  # it came to the limit


def test_where_no_phrase_can_be_read_there_is_no_prompt(
    giving: Giving, encoder: TextEncoder
) -> None:
    book = from_captions(["owl" * 3333], encoder)
    assert (book.too_long, book.texts) == (1, ())
    assert METHODS["phrases"](giving(book)) == []
    with pytest.raises(ConfigError, match=r"recover\.phrases"):
        METHODS["phrases"](giving())


def test_candidates_stand_in_the_order_of_their_worth(
    giving: Giving, captions: list[str], encoder: TextEncoder, image: Vectors
) -> None:
    given = giving(
        from_captions(captions, encoder),
        claims=[Claim(tool="a", prompt=HARMLESS), Claim(tool="b", prompt="a cat")],
        caption=HARMLESS,
    )
    table, counts = recover(["phrases", "user", "metadata"], given)
    assert list(table.columns) == list(PROMPTS)
    assert counts == {"phrases": 3, "user": 1, "metadata": 2}
    assert table["rank"].tolist() == [1, 2, 3, 4, 5, 6]
    assert table["source"].tolist() == ["metadata", "metadata", "user"] + ["recovered"] * 3
    assert table["text"][:3].tolist() == [HARMLESS, "a cat", HARMLESS]
    expected = encoder.embed(table["text"].tolist()) @ image
    np.testing.assert_allclose(table["score"], expected, atol=1e-6)
    assert table["tokens"][0] > 2000  # of the whole text, though the encoder reads 32
    assert table["bits"].tolist() == [text_bits(each) for each in table["text"]]


def test_nothing_to_recover_is_an_empty_table(giving: Giving) -> None:
    table, counts = recover(["metadata", "user"], giving())
    assert len(table) == 0
    assert list(table.columns) == list(PROMPTS)
    assert counts == {"metadata": 0, "user": 0}


def test_an_unknown_method_is_answered_with_the_known_ones(giving: Giving) -> None:
    with pytest.raises(ConfigError, match=r"`phrase`.*`phrases`.*metadata, phrases, user"):
        recover(["user", "phrase"], giving())
