"""Recovery methods: real tokens, greedy chains that rise, the same prompts at every run."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import pytest

from seedwitness.errors import CheckpointError, ConfigError
from seedwitness.metrics.clip_score import ClipScore
from seedwitness.prompts import METHODS, recover_prompts
from seedwitness.prompts.encoder import make_text_encoder
from seedwitness.prompts.phrasebook import load_phrasebook, make_caption_phrasebook, split_phrases
from seedwitness.prompts.recovery_input import Phrasebook, RecoveryInput, TextEncoder, Vectors
from seedwitness.records.tables import PROMPTS
from seedwitness.records.target import Claim
from seedwitness.statistics.description_length import count_text_bits

HARMLESS = "<b onclick=\"x()\">an owl</b>\n'at' night; " + "owl " * 2500  # 10,000 characters
Giving = Callable[..., RecoveryInput]


@pytest.fixture
def giving(encoder: TextEncoder, image: Vectors) -> Giving:
    def give(book: Phrasebook | None = None, **changed: object) -> RecoveryInput:
        given = RecoveryInput(image, [], None, encoder, book, max_phrases=6, shortlist=16)
        return replace(given, **changed)

    return give


def texts(found: list) -> dict[str, str]:
    return {each.method: each.text for each in found}


def test_tokens_are_those_of_the_tokenizer(clip: ClipScore, encoder: TextEncoder) -> None:
    for text in ["", "an owl", "<b>Owl</b> & 日本\n", "owl " * 40]:
        tokens = clip.tokenizer.tokenizer.tokenize(text)
        assert encoder.count_tokens(text) == len(tokens) + 2
    assert encoder.token_limit == clip.model.context_length == 32
    assert encoder.vocabulary_size == clip.model.vocab_size


def test_tokens_are_counted_with_clips_own_tokenizer_too(clip: ClipScore) -> None:
    tokenizer = open_clip.get_tokenizer("ViT-B-32")
    encoder = make_text_encoder(replace(clip, tokenizer=tokenizer))
    assert (encoder.token_limit, encoder.vocabulary_size) == (77, 49408)
    for text in ["", "an owl at night", "<b>Owl</b> &amp; 日本\n", "owl " * 300]:
        tokens = tokenizer([text], context_length=2000)[0]
        assert encoder.count_tokens(text) == int((tokens != 0).sum())


def test_a_tokenizer_that_cannot_be_counted_is_refused(clip: ClipScore) -> None:
    masking = open_clip.tokenizer.SimpleTokenizer(reduction_mask="simple")
    with pytest.raises(CheckpointError, match=r"SimpleTokenizer.*clip\.path"):
        make_text_encoder(replace(clip, tokenizer=masking))
    with pytest.raises(CheckpointError, match="cannot be counted"):
        make_text_encoder(replace(clip, tokenizer=lambda found: clip.tokenizer(found)))


def test_metadata_gives_its_claims_unchanged(giving: Giving) -> None:
    claims = [
        Claim(tool="a", prompt=HARMLESS),
        Claim(tool="b"),
        Claim(tool="c", prompt=" \n"),
        Claim(tool="d", prompt="an owl", negative_prompt="blurry"),
    ]
    candidates = METHODS["metadata"](giving(claims=claims))
    assert [(candidate.text, candidate.source) for candidate in candidates] == [
        (HARMLESS, "metadata"),
        ("an owl", "metadata"),
    ]
    assert METHODS["metadata"](giving()) == []


@pytest.mark.parametrize("blank", [None, "", " \n\t"])
def test_the_users_prompt_is_unchanged(giving: Giving, blank: str | None) -> None:
    (candidate,) = METHODS["user"](giving(caption=HARMLESS))
    assert (candidate.text, candidate.source) == (HARMLESS, "user")
    assert METHODS["user"](giving(caption=blank)) == []


def test_captions_are_counted_as_a_whole_and_in_parts(encoder: TextEncoder) -> None:
    book = make_caption_phrasebook(
        ["an owl, night", "an owl, night", "an owl", " , ", "cat, cat"], encoder
    )
    whole = {"an owl, night": 2, "an owl": 3, ",": 1, "cat, cat": 1}
    assert dict(zip(book.texts, book.occurrence_counts, strict=True)) == {
        **whole,
        "night": 2,
        "cat": 1,
    }
    assert {text for text, opens in zip(book.texts, book.can_open, strict=True) if opens} == {
        *whole
    }
    extends = {text for text, does in zip(book.texts, book.can_extend, strict=True) if does}
    assert extends == {"an owl", "night", "cat"}
    assert book.texts == tuple(sorted(book.texts))
    np.testing.assert_allclose(book.embeddings, encoder.embed(book.texts), atol=1e-5)


def test_a_file_has_one_phrase_per_line(encoder: TextEncoder, tmp_path: Path) -> None:
    path = tmp_path / "phrases.txt"
    path.write_bytes("\ufeffan owl, at night\r\n\r\n  oil \n<b>&\n".encode())
    book = load_phrasebook(path, encoder)
    assert set(book.texts) == {"an owl, at night", "oil", "<b>&"}
    assert all(book.can_open)
    assert all(book.can_extend)
    assert book.source == "phrases.txt"


def test_an_invalid_file_is_named(encoder: TextEncoder, tmp_path: Path) -> None:
    path = tmp_path / "phrases.txt"
    with pytest.raises(ConfigError, match=r"recover\.phrases: there is no file .*phrases\.txt"):
        load_phrasebook(path, encoder)
    path.write_text(" \n\n")
    with pytest.raises(ConfigError, match=r"phrases\.txt is empty"):
        load_phrasebook(path, encoder)
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError, match=r"phrases\.txt is not UTF-8"):
        load_phrasebook(path, encoder)


def plain_chain(given: RecoveryInput, opening: str, phrases: list[str]) -> str:
    """The reference implementation of the greedy chain, one text at a time."""

    def cosine(text: str) -> float:
        return float(given.encoder.embed([text])[0] @ given.image)

    chained = [opening]
    while len(chained) < given.max_phrases:
        options = [phrase for phrase in phrases[: given.shortlist] if phrase not in chained]
        joined = [", ".join([*chained, phrase]) for phrase in options]
        fitting = [
            text for text in joined if given.encoder.count_tokens(text) <= given.encoder.token_limit
        ]
        best = max(fitting, key=cosine, default="")
        if not best or cosine(best) <= cosine(", ".join(chained)):
            break
        chained.append(best.removeprefix(", ".join(chained) + ", "))
    return ", ".join(chained)


def test_phrases_are_chained_as_by_the_reference_implementation(
    giving: Giving, captions: list[str], encoder: TextEncoder, image: Vectors, tmp_path: Path
) -> None:
    pieces = sorted({part for caption in captions for part in split_phrases(caption)})
    path = tmp_path / "phrases.txt"
    path.write_text("\n".join(pieces))
    cosines = dict(zip(pieces, encoder.embed(pieces) @ image, strict=True))
    pieces.sort(key=lambda piece: -cosines[piece])
    given = giving(load_phrasebook(path, encoder))
    found = texts(METHODS["phrases"](given))
    assert found["phrases-single"] == pieces[0]
    assert found["phrases-best"] == plain_chain(given, pieces[0], pieces)
    assert len(split_phrases(found["phrases-best"])) > 1  # otherwise nothing was chained
    fast = found["phrases-fast"].split(", ")
    assert fast == pieces[: len(fast)]
    longer = ", ".join(pieces[: len(fast) + 1])
    assert len(fast) == given.max_phrases or encoder.count_tokens(longer) > encoder.token_limit


def test_a_whole_caption_opens_and_parts_extend_a_prompt(
    giving: Giving, captions: list[str], encoder: TextEncoder, image: Vectors
) -> None:
    short = [", ".join(split_phrases(caption)[:2]) for caption in captions]
    found = texts(METHODS["phrases"](giving(make_caption_phrasebook(short, encoder))))
    cosines = dict(zip(short, encoder.embed(short) @ image, strict=True))
    assert found["phrases-single"] == max(short, key=lambda text: cosines[text])
    added = found["phrases-best"].removeprefix(found["phrases-single"])
    pieces = {part for caption in short for part in split_phrases(caption)}
    assert {*split_phrases(added)} <= pieces
    assert not {*split_phrases(added)} & {*split_phrases(found["phrases-single"])}
    assert {*split_phrases(found["phrases-fast"])} <= pieces


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_no_more_phrases_than_the_limit_are_chained(
    giving: Giving, captions: list[str], encoder: TextEncoder, limit: int
) -> None:
    given = giving(make_caption_phrasebook(captions, encoder), max_phrases=limit)
    found = texts(METHODS["phrases"](given))
    added = found["phrases-best"].removeprefix(found["phrases-single"])
    assert len(split_phrases(added)) <= limit - 1
    assert len(split_phrases(found["phrases-fast"])) <= limit


def test_the_same_captions_in_any_order_give_the_same_prompts(
    giving: Giving, captions: list[str], encoder: TextEncoder
) -> None:
    first = METHODS["phrases"](giving(make_caption_phrasebook(captions, encoder)))
    assert len(first) == 3
    assert METHODS["phrases"](giving(make_caption_phrasebook(captions[::-1], encoder))) == first


def test_ties_are_ordered_by_text(giving: Giving, encoder: TextEncoder, tmp_path: Path) -> None:
    # The tokenizer ignores case.
    path = tmp_path / "phrases.txt"
    for lines in (["an owl", "AN OWL", "An Owl"], ["An Owl", "an owl", "AN OWL"]):
        path.write_text("\n".join(lines))
        found = texts(METHODS["phrases"](giving(load_phrasebook(path, encoder))))
        assert found["phrases-single"] == "AN OWL"
        assert found["phrases-fast"] == "AN OWL, An Owl, an owl"


def test_no_prompt_exceeds_the_token_limit(
    giving: Giving, captions: list[str], encoder: TextEncoder, clip: ClipScore
) -> None:
    long_captions = ["owl" * 3333 + "x", "an owl, " * 1250, HARMLESS, "日本" * 5000]
    assert all(len(caption) >= 10_000 for caption in long_captions)
    book = make_caption_phrasebook([*long_captions, *captions], encoder)
    # Each of them as a whole; the parts of the second can be read.
    assert book.too_long_count == 4
    given = giving(book, max_phrases=100, shortlist=100)
    table, _ = recover_prompts(["phrases"], given)
    assert len(table) == 3
    assert table["tokens"].max() <= encoder.token_limit
    for row in table.to_dict("records"):
        assert row["tokens"] == encoder.count_tokens(row["text"])
        # The tokens that the model reads include the last word.
        (token_ids,) = clip.tokenizer([row["text"]])
        (longer_ids,) = clip.tokenizer([row["text"]], context_length=500)
        assert longer_ids[encoder.token_limit :].unique().tolist() == [int(token_ids[-1])]
    fast = table["tokens"][table["method"] == "phrases-fast"].item()
    assert fast > encoder.token_limit - 12  # it reached the limit


def test_without_readable_phrases_there_is_no_prompt(giving: Giving, encoder: TextEncoder) -> None:
    book = make_caption_phrasebook(["owl" * 3333], encoder)
    assert (book.too_long_count, book.texts) == (1, ())
    assert METHODS["phrases"](giving(book)) == []
    with pytest.raises(ConfigError, match=r"recover\.phrases"):
        METHODS["phrases"](giving())


def test_candidates_are_ordered_by_source(
    giving: Giving, captions: list[str], encoder: TextEncoder, image: Vectors
) -> None:
    given = giving(
        make_caption_phrasebook(captions, encoder),
        claims=[Claim(tool="a", prompt=HARMLESS), Claim(tool="b", prompt="a cat")],
        caption=HARMLESS,
    )
    table, counts = recover_prompts(["phrases", "user", "metadata"], given)
    assert list(table.columns) == list(PROMPTS)
    assert counts == {"phrases": 3, "user": 1, "metadata": 2}
    assert table["rank"].tolist() == [1, 2, 3, 4, 5, 6]
    assert table["source"].tolist() == ["metadata", "metadata", "user"] + ["recovered"] * 3
    assert table["text"][:3].tolist() == [HARMLESS, "a cat", HARMLESS]
    expected = encoder.embed(table["text"].tolist()) @ image
    np.testing.assert_allclose(table["score"], expected, atol=1e-6)
    assert table["tokens"][0] > 2000  # of the whole text, although the encoder reads 32
    assert table["bits"].tolist() == [count_text_bits(text) for text in table["text"]]


def test_nothing_to_recover_is_an_empty_table(giving: Giving) -> None:
    table, counts = recover_prompts(["metadata", "user"], giving())
    assert len(table) == 0
    assert list(table.columns) == list(PROMPTS)
    assert counts == {"metadata": 0, "user": 0}


def test_an_unknown_method_is_answered_with_the_known_ones(giving: Giving) -> None:
    with pytest.raises(ConfigError, match=r"`phrase`.*`phrases`.*metadata, pez, phrases, user"):
        recover_prompts(["user", "phrase"], giving())
