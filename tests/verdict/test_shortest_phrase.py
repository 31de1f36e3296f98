"""The pass phrase: prompt, settings and seed in bits, from what a case knows."""

from dataclasses import replace
from math import log2

import pytest
from cases import CASE, FAR, PROMPT_ROWS, SETTINGS, scores, trials

from seedwitness.engine.schedulers import SAMPLERS
from seedwitness.records.tables import PROMPTS, TRIALS, Columns, make_typed_frame
from seedwitness.seeds import RNG_ALGORITHMS
from seedwitness.statistics.description_length import count_number_bits, count_text_bits
from seedwitness.verdict.shortest_phrase import (
    USUAL_SAMPLERS,
    count_settings_bits,
    find_shortest_phrase,
)

RECIPE = trials(1).iloc[0].to_dict()


def test_where_every_seed_gives_a_copy_no_seed_is_needed() -> None:
    found = find_shortest_phrase(CASE, SETTINGS)
    assert (found.seeds.copies.hits, found.seeds.copies.n) == (16, 16)
    assert found.seeds.bits == 0
    assert found.bits == found.low == 24 + count_settings_bits(RECIPE)
    assert found.high is not None
    assert found.high > found.bits


def test_one_copy_of_sixteen_takes_four_bits_more() -> None:
    case = replace(CASE, scores=scores([0.9] * 16, [0.1] + [0.4] * 15))
    found = find_shortest_phrase(case, SETTINGS)
    assert found.seeds.bits == 4
    assert found.bits == 24 + count_settings_bits(RECIPE) + 4
    rate = found.seeds.copies
    assert found.seeds.low == pytest.approx(-log2(rate.high))
    assert found.seeds.high == pytest.approx(-log2(rate.low))


def test_where_there_is_no_copy_the_bits_are_bounded_from_below() -> None:
    found = find_shortest_phrase(replace(CASE, scores=FAR), SETTINGS)
    assert (found.bits, found.high, found.seeds.bits) == (None, None, None)
    assert found.low == pytest.approx(
        24 + count_settings_bits(RECIPE) - log2(found.seeds.copies.high)
    )
    # The nearest trial stands for what was reached, and a file that is as near beside it.
    [near] = found.comparisons
    assert (near.metric, near.score, near.basis) == ("patch-l2", 0.4, "closest-trial")
    assert [(each.codec, each.bytes) for each in near.files] == [("jpeg", 400), ("webp", 300)]


def test_a_copy_is_as_near_as_the_median_of_copies() -> None:
    case = replace(CASE, scores=scores([0.9] * 16, [0.1, 0.12, 0.14] + [0.4] * 13))
    [near] = find_shortest_phrase(case, SETTINGS).comparisons
    assert (near.score, near.basis) == (pytest.approx(0.12), "median-copy")
    assert [(each.codec, each.bytes) for each in near.files] == [("jpeg", 900), ("webp", 300)]


def test_the_reference_is_counted_over_the_same_seeds() -> None:
    found = find_shortest_phrase(CASE, SETTINGS)
    assert found.reference is not None
    assert (found.reference.copies.hits, found.reference.copies.n) == (0, 16)
    assert found.reference.bits is None
    itself = replace(CASE, reference=None, reference_scores=CASE.reference_scores[:0])
    assert find_shortest_phrase(itself, SETTINGS).reference is None


def two_prompts() -> Columns:
    other = PROMPT_ROWS.assign(rank=2, text="a much longer text about an owl", bits=80.0)
    return make_typed_frame([*PROMPT_ROWS.to_dict("records"), *other.to_dict("records")], PROMPTS)


def test_of_several_prompts_the_shortest_phrase_is_taken() -> None:
    table = trials(16)
    table.loc[8:, "prompt_rank"] = 2
    case = replace(CASE, trials=table, prompts=two_prompts())
    # One copy of eight under the short prompt costs three bits, far fewer than the longer text.
    short = replace(case, scores=scores([0.9] * 16, [0.1] + [0.4] * 7 + [0.1] * 8))
    assert find_shortest_phrase(short, SETTINGS).prompt_rank == 1
    long = replace(case, scores=scores([0.9] * 16, [0.4] * 8 + [0.1] * 8))
    assert find_shortest_phrase(long, SETTINGS).prompt_rank == 2


def test_seeds_that_were_chosen_are_not_counted() -> None:
    table = trials(16)
    table["variations"] = table["variations"].astype(object)
    table.loc[4:, "variations"] = "7:0.5"
    found = find_shortest_phrase(replace(CASE, trials=make_typed_frame(table, TRIALS)), SETTINGS)
    assert found.seeds.copies.n == 4


def test_seeds_that_were_not_carried_to_their_end_bound_nothing() -> None:
    table = trials(16)
    table["parent"] = table["parent"].astype(object)
    table.loc[:11, "steps"] = 4
    table.loc[12:, "parent"] = [f"t{k}" for k in range(4)]  # four of twelve seeds, with all steps
    case = replace(CASE, trials=make_typed_frame(table, TRIALS))
    none = find_shortest_phrase(replace(case, scores=FAR), SETTINGS)
    assert none.seeds.copies.n == 12
    assert none.seeds.low == 0
    assert none.low == 24 + count_settings_bits(
        RECIPE
    )  # those of the twenty steps that were asked for
    some = find_shortest_phrase(
        replace(case, scores=scores([0.9] * 16, [0.4] * 12 + [0.1] * 4)), SETTINGS
    )
    assert (some.seeds.copies.hits, some.seeds.copies.n) == (4, 12)
    assert some.settings_bits == count_settings_bits(RECIPE)


def test_a_seed_that_was_carried_on_counts_once() -> None:
    table = trials(16)
    table["parent"] = table["parent"].astype(object)
    table.loc[8:, "parent"] = [f"t{k}" for k in range(8)]
    case = replace(CASE, trials=make_typed_frame(table, TRIALS))
    found = find_shortest_phrase(
        replace(case, scores=scores([0.9] * 16, [0.4] * 8 + [0.1] + [0.4] * 7)), SETTINGS
    )
    assert (found.seeds.copies.hits, found.seeds.copies.n) == (1, 8)


def test_a_search_that_ended_at_its_copies_has_their_interval() -> None:
    ended = CASE.search.model_copy(update={"ended": "copies"})
    found = find_shortest_phrase(replace(CASE, search=ended), SETTINGS)
    plain = find_shortest_phrase(CASE, SETTINGS)
    assert found.seeds.copies.high <= plain.seeds.copies.high
    few = replace(CASE, scores=scores([0.9] * 16, [0.4] * 15 + [0.1]))
    stopped = find_shortest_phrase(replace(few, search=ended), SETTINGS).seeds.copies
    assert stopped.high < find_shortest_phrase(few, SETTINGS).seeds.copies.high


def test_the_bits_of_the_settings() -> None:
    numbers = (20, 16, 16, 31, 1)
    expected = 8 + sum(map(count_number_bits, numbers)) + count_text_bits("")
    assert count_settings_bits(RECIPE) == expected
    assert count_settings_bits({**RECIPE, "negative_prompt": "blurry"}) > count_settings_bits(
        RECIPE
    )


def test_the_menus_hold_what_there_is() -> None:
    assert set(SAMPLERS) >= USUAL_SAMPLERS
    assert len(USUAL_SAMPLERS) < 8
    assert len(SAMPLERS) <= 256
    other = {**RECIPE, "sampler": "heun"}
    assert count_settings_bits(other) == count_settings_bits(RECIPE) + 8
    assert len(RNG_ALGORITHMS) <= 8
