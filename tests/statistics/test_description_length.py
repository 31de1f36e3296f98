"""Lengths of codes: held against real coding, and against what the literature prints."""

from fractions import Fraction
from itertools import pairwise
from math import ceil, log2

import pytest

from seedwitness.statistics import description_length
from seedwitness.statistics.description_length import count_number_bits, count_text_bits


def test_the_probabilities_of_the_next_piece_sum_to_one() -> None:
    assert (
        description_length.WORD
        + description_length.MARK
        + description_length.SPELLED
        + description_length.END
        == 1
    )
    assert sum(description_length._word_probabilities().values()) == pytest.approx(1, abs=1e-9)


def shannon_fano_elias(sums: Fraction, share: Fraction) -> str:
    """The code word of what has probability ``share`` and stands after ``sums``, as digits."""
    length = ceil(-log2(share)) + 1
    middle = sums + share / 2
    return "".join(str(int(middle * 2**place) % 2) for place in range(1, length + 1))


def test_a_code_of_these_lengths_can_be_decoded() -> None:
    """Words and the end, coded for real: no code word of one or two pieces begins another."""
    words = sorted(description_length._word_probabilities().items(), key=lambda each: -each[1])[:40]
    word, end = Fraction(description_length.WORD), Fraction(description_length.END)
    codes, place = {}, Fraction(0)
    for text, share in [("", end)] + [
        (" ".join(each), end * word ** len(each) * product)
        for each, product in [
            *(((one,), Fraction(p)) for one, p in words),
            *(((one, two), Fraction(p) * Fraction(q)) for one, p in words for two, q in words),
        ]
    ]:
        codes[text] = shannon_fano_elias(place, share)
        place += share
    assert place < 1
    for text, code in codes.items():
        assert len(code) == count_text_bits(text)
    ordered = sorted(codes.values())
    assert not any(two.startswith(one) for one, two in pairwise(ordered))


def test_case_and_spaces_are_not_coded_and_all_else_is() -> None:
    assert count_text_bits("An  OWL") == count_text_bits("an owl")
    assert count_text_bits("an owl, at dawn") > count_text_bits("an owl at dawn")
    assert count_text_bits("") == 5


def test_what_is_in_no_list_is_spelled_out() -> None:
    name = "xqzzkvbnqq"
    assert count_text_bits(name) == ceil(4 + 4 + 8 * (len(name) + 1)) + 1
    assert count_text_bits("‡") == 4 + 4 + 8 * 4 + 1


def test_a_frequent_word_takes_fewer_bits() -> None:
    assert count_text_bits("the") < count_text_bits("owl") < count_text_bits("chiaroscuro")


@pytest.mark.parametrize(
    ("number", "bits"), [(1, 1), (2, 4), (3, 4), (4, 5), (7, 5), (8, 8), (15, 8), (16, 9), (32, 10)]
)
def test_lengths_of_the_delta_code_as_elias_prints_them(number: int, bits: int) -> None:
    assert count_number_bits(number) == bits


def test_the_delta_code_leaves_no_room_for_more() -> None:
    """Kraft's sum comes to 1 from below."""
    total = sum(2.0 ** -count_number_bits(number) for number in range(1, 2**14))
    assert 0.8 < total < 1


def test_numbers_below_one_have_no_code() -> None:
    with pytest.raises(ValueError, match="numbers from 1"):
        count_number_bits(0)
