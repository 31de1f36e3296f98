"""Evolution and ranking by regeneration: budgets, and a picture whose answer is known."""

from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from searching import search

from seedlab.lab_folder import open_lab
from seedlab.pictures import make_pictures
from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.engine.sampling import encode_pictures
from seedwitness.imaging.alignment import resize_to_tensor
from seedwitness.prompts.budget import Budget
from seedwitness.prompts.evolve import evolve_prompts, find_kindred, make_child
from seedwitness.prompts.phrasebook import make_caption_phrasebook, split_phrases
from seedwitness.prompts.phrases import rank_phrases
from seedwitness.prompts.recovery_input import RecoveryInput, TextEncoder
from seedwitness.prompts.refinement import refine_prompts
from seedwitness.prompts.regeneration import FIRST_SEED, make_recipes, score_by_regeneration
from seedwitness.records.prompt_recovery import PromptRefinement
from seedwitness.records.tables import PROMPTS, make_typed_frame

LAB = Path(__file__).parents[2] / "data" / "lab"
PHRASES = ["a red fish", "a blue lighthouse", "red", "blue fish", "lighthouse"]


def table(*rows: tuple[str, str]) -> pd.DataFrame:
    plain = {"method": "phrases", "score": 0.5, "tokens": 4, "bits": 9.0}
    listed = [
        {"rank": rank, "text": text, "source": source, **plain}
        for rank, (text, source) in enumerate(rows, start=1)
    ]
    return make_typed_frame(listed, PROMPTS)


def count_differences(wanted: str) -> object:
    """A score whose best text is known: phrases that are missing, and phrases too many."""
    return lambda texts: [
        float(len(set(split_phrases(wanted)) ^ set(split_phrases(text)))) for text in texts
    ]


def test_evolution_finds_a_known_combination() -> None:
    phrases = [f"phrase {letter}" for letter in "abcdefghij"]
    wanted = "phrase c, phrase f, phrase i"
    found = evolve_prompts(
        ["phrase a, phrase b"], phrases, count_differences(wanted), 1, lambda _: True, Budget(600)
    )
    assert set(split_phrases(found[0][0])) == set(split_phrases(wanted))
    assert found[0][1] == 0
    assert [score for _, score in found] == sorted(score for _, score in found)


def test_evolution_keeps_its_budget_and_is_repeatable() -> None:
    score = count_differences("red, lighthouse")
    budget = Budget(99)
    found = evolve_prompts(["red"], PHRASES, score, 4, lambda _: True, budget)
    assert budget.spent_nfe == 4 * len(found) <= 99
    assert len({text for text, _ in found}) == len(found) == 24
    assert found == evolve_prompts(["red"], PHRASES, score, 4, lambda _: True, Budget(99))
    assert found != evolve_prompts(["red"], PHRASES, score, 4, lambda _: True, Budget(99), seed=1)


def test_evolution_ends_where_no_new_text_is_possible() -> None:
    found = evolve_prompts(
        ["a"], ["b"], lambda texts: [0.0] * len(texts), 1, lambda _: True, Budget(10**6)
    )
    assert {text for text, _ in found} == {"a", "b", "a, b", "b, a"}
    only = evolve_prompts(
        ["a, b", "c"], [], lambda texts: [0.0] * len(texts), 1, lambda t: len(t) < 2, Budget(50)
    )
    assert [text for text, _ in only] == ["c"]
    assert evolve_prompts([], [], lambda _: [], 1, lambda _: True, Budget(9)) == []


def test_children_are_made_of_what_exists() -> None:
    rng = Random(3)
    parents = ["one, two, three", "four, five"]
    known = {"one", "two", "three", "four", "five", "six", "seven"}
    for _ in range(300):
        child = make_child(parents, ["six", "seven"], rng)
        parts = split_phrases(child)
        assert set(parts) <= known
        assert len(parts) == len(set(parts)) <= 8
    assert find_kindred("fresco of an owl", ["an owl", "fresco of a fox", "night"]) == [
        "an owl",
        "fresco of a fox",
    ]


@pytest.mark.parametrize("methods", [[], ["evolve"], ["ph2p"], ["evolve", "ph2p"]])
@pytest.mark.parametrize("score", ["denoising-loss", "regeneration"])
def test_refinement_keeps_its_budget_whatever_the_methods(
    tiny: LoadedCheckpoint, methods: list[str], score: str
) -> None:
    changes = {
        "budget_nfe": 300,
        "methods": methods,
        "score": score,
        "finalists": 3,
        "steps": 3,
        "ph2p": {"tokens": 3},
    }
    settings = search(budget_nfe=400, prompts=2, refinement=changes)
    picture = Image.fromarray(np.arange(32 * 32 * 3, dtype=np.uint8).reshape(32, 32, 3))
    given = table(("a red fish", "user"), ("a blue lighthouse", "recovered"))
    refined, record, remaining = refine_prompts(tiny, picture, given, PHRASES, settings)
    assert record is not None
    assert record.nfe <= 300
    assert remaining.budget_nfe == 100
    assert list(refined.columns) == list(PROMPTS)
    assert refined["rank"].tolist() == [1, 2]
    distances = [each.distance for each in record.prompts]
    assert distances == sorted(distances)
    assert [each.prompt for each in record.prompts if each.selected] == refined["text"].tolist()
    # What recovery and lookup gave keeps its source; what a method made names the method.
    for row in refined.to_dict("records"):
        (own,) = [each for each in record.prompts if each.prompt == row["text"]]
        if row["text"] in set(given["text"]):
            assert own.method == ""
            assert row["source"] == given.set_index("text").loc[row["text"], "source"]
        else:
            assert (row["source"], row["method"]) == ("recovered", own.method)
            assert own.method in methods
    again = refine_prompts(tiny, picture, given, PHRASES, settings)
    pd.testing.assert_frame_equal(refined, again[0])
    assert again[1] == record
    latent = encode_pictures(tiny.pipeline.vae, resize_to_tensor(picture, 32, 32, "stretch")[None])
    for each in record.prompts:
        (distance,) = score_by_regeneration(
            tiny, latent[0], [each.prompt], settings, seeds=2, steps=3
        )
        assert distance == pytest.approx(each.distance, rel=1e-3)


def test_without_refinement_nothing_changes(tiny: LoadedCheckpoint) -> None:
    given, settings = table(("a red fish", "user")), search()
    picture = Image.new("RGB", (32, 32))
    assert refine_prompts(tiny, picture, given, [], settings) == (given, None, settings)


def test_nothing_to_refine_is_an_empty_table(tiny: LoadedCheckpoint) -> None:
    settings = search(budget_nfe=400, refinement={"budget_nfe": 300, "finalists": 2})
    refined, record, remaining = refine_prompts(
        tiny, Image.new("RGB", (32, 32)), table(), [], settings
    )
    assert len(refined) == 0
    assert isinstance(record, PromptRefinement)
    assert (record.prompts, record.nfe, remaining.budget_nfe) == ([], 0, 100)


def test_regenerations_use_no_seed_of_a_search(tiny: LoadedCheckpoint) -> None:
    recipes = make_recipes(tiny, "a red fish", search(), seeds=3, steps=2)
    assert [recipe.seed for recipe in recipes] == [FIRST_SEED + i for i in range(3)]
    assert FIRST_SEED > 2**30
    assert {recipe.steps for recipe in recipes} == {2}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget_nfe": 40}, "finalists cost"),
        ({"budget_nfe": 398}, "leaves less than one trial"),
        ({"budget_nfe": 300, "finalists": 1}, "at least `prompts`"),
        ({"budget_nfe": 300, "methods": ["evolv"]}, "Did you mean `evolve`"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        search(budget_nfe=400, prompts=2, refinement=changes)


def test_a_planted_picture_comes_back_under_an_evolved_prompt(
    encoder: TextEncoder, clip: object
) -> None:
    """The lab's first picture that was planted 128 times, whose caption no candidate has."""
    lab = open_lab(LAB)
    row = next(row for row in lab.rows if row.multiplicity == 128)
    ((_, picture),) = make_pictures(lab.settings, 1, ids={row.id}).pictures
    path = LAB / "checkpoints" / "lab-memorised"
    loaded = load_checkpoint("lab", CheckpointSettings(family="diffusers", path=path, watch=LAB))
    captions = sorted({each.caption for each in lab.rows} - set(row.wordings))
    book = make_caption_phrasebook(captions, encoder)
    pixels = resize_to_tensor(picture, 128, 128, "stretch")[None]
    image = clip.embed_images(pixels)[0].numpy()  # type: ignore[attr-defined]
    found = rank_phrases(RecoveryInput(image, [], None, encoder, book, 12, 64))
    given = table(*((each.text, "recovered") for each in found))
    cosines = book.embeddings @ image
    order = sorted(range(len(book.texts)), key=lambda i: -cosines[i])
    phrases = [book.texts[i] for i in order if book.can_extend[i]][:256]
    settings = search(budget_nfe=640, prompts=1, steps=10, refinement={"budget_nfe": 480}, batch=16)
    refined, _, _ = refine_prompts(loaded, picture, given, phrases, settings)
    latent = encode_pictures(loaded.pipeline.vae, pixels)[0]
    texts = [refined["text"][0], *given["text"], row.caption]
    best, *before, caption = score_by_regeneration(
        loaded, latent, texts, settings, seeds=8, steps=10
    )
    assert refined["method"][0] == "evolve"
    assert row.caption not in texts[:-1]
    assert best < min(before) - 0.1
    assert best < caption + 0.3
    assert torch.isfinite(torch.tensor(best))
