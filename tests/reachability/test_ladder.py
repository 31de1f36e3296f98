"""The ladders: every rung for every image; batches make no difference."""

import numpy as np
import pytest
import torch
from PIL import Image
from searching import search

from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.config.steps import ReachSettings
from seedwitness.engine.sampling import decode_latents, encode_pictures
from seedwitness.engine.shard_computation import sample_recipes
from seedwitness.errors import ConfigError
from seedwitness.metrics import scoring
from seedwitness.reachability.ladder import (
    compute_ladder,
    resize_for_search,
    score_ladder,
    shorten_prompt,
)
from seedwitness.records.recipe import Recipe

PROMPTS = ["a red fish", "a blue lighthouse", "a red fish"]
REACH = ReachSettings(strengths=[0.5, 1.0], seeds=2, gradient_steps=3, specificity_seeds=1)


def shown(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 3, 32, 32), generator=generator, dtype=torch.uint8)


def test_every_rung_has_every_image(tiny: LoadedCheckpoint) -> None:
    rungs = compute_ladder(tiny, shown(3), PROMPTS, REACH, search(batch=2))
    assert [(rung.name, rung.strength, rung.seed) for rung in rungs] == [
        ("round trip", 0.0, 0),
        ("gradient", 0.0, 0),
        ("image to image", 0.5, 0),
        ("image to image", 0.5, 1),
        ("image to image", 1.0, 0),
        ("image to image", 1.0, 1),
        ("words alone", 1.0, 0),
        ("words alone", 0.5, 0),
        ("words alone", 0.25, 0),
        ("words alone", 0.0, 0),
    ]
    assert rungs[0].prompts == ("", "", "")
    assert rungs[2].prompts == tuple(PROMPTS)
    assert rungs[7].prompts == ("a red", "a blue", "a red")
    assert rungs[9].prompts == ("", "", "")
    assert {tuple(rung.images.shape) for rung in rungs} == {(3, 3, 32, 32)}
    latents = encode_pictures(tiny.pipeline.vae, shown(3)[:2])
    assert torch.equal(rungs[0].images[:2], decode_latents(tiny.pipeline, latents))
    assert not torch.equal(rungs[2].images, rungs[3].images)


def test_the_ladder_works_in_half_precision(tiny: LoadedCheckpoint) -> None:
    described = tiny.settings.model_copy(update={"dtype": "bfloat16"})
    rungs = compute_ladder(
        load_checkpoint("half", described), shown(2), PROMPTS[:2], REACH, search(batch=2)
    )
    assert len(rungs) == 10
    assert {tuple(rung.images.shape) for rung in rungs} == {(2, 3, 32, 32)}


def test_words_alone_give_what_a_search_gives(tiny: LoadedCheckpoint) -> None:
    rungs = compute_ladder(tiny, shown(3), PROMPTS, REACH, search(batch=1))
    recipe = Recipe("a blue", 0, 32, 32, "ddim", 4, 3.0)
    latents, _ = sample_recipes(tiny, [recipe])
    assert torch.equal(rungs[7].images[1:2], decode_latents(tiny.pipeline, latents))


@pytest.mark.parametrize(
    ("prompt", "shorter"),
    [
        ("an owl, at dawn, in oil, by night", ["an owl, at dawn", "an owl", ""]),
        ("an owl, at dawn, in oil", ["an owl, at dawn", "an owl", ""]),
        ("a tall owl, at dawn", ["a tall owl", "a tall", ""]),
        ("owl", ["owl", "owl", ""]),
        ("", ["", "", ""]),
    ],
)
def test_a_prompt_loses_its_last_phrases_or_words(prompt: str, shorter: list[str]) -> None:
    assert shorten_prompt(prompt, 1.0) == prompt
    assert [shorten_prompt(prompt, share) for share in (0.5, 0.25, 0.0)] == shorter


def test_batches_change_last_bits_at_most(tiny: LoadedCheckpoint) -> None:
    for one, other in zip(
        compute_ladder(tiny, shown(3), PROMPTS, REACH, search(batch=2)),
        compute_ladder(tiny, shown(3), PROMPTS, REACH, search(batch=16)),
        strict=True,
    ):
        assert (one.images.int() - other.images.int()).abs().max() <= 1


def test_a_row_is_of_its_rung_and_picture(tiny: LoadedCheckpoint) -> None:
    metrics = scoring.load_metrics(["psnr", "ssim"], {}, 4)
    rungs = compute_ladder(tiny, shown(3), PROMPTS, REACH, search(batch=16))
    rows = score_ladder(metrics, rungs, 1, shown(3)[1])
    assert len(rows) == 2 * len(rungs)
    for row in rows:
        (rung,) = [
            each
            for each in rungs
            if (each.name, each.strength, each.seed) == (row["rung"], row["strength"], row["seed"])
        ]
        expected = metrics[row["metric"]].score(rung.images[1:2], shown(3)[1])
        assert row["score"] == pytest.approx(float(expected[0]), rel=1e-6)


def test_an_image_is_resized_to_the_size_of_the_search(tiny: LoadedCheckpoint) -> None:
    picture = Image.fromarray(np.zeros((50, 70), np.uint8))
    assert resize_for_search(tiny, picture, search(batch=1)).shape == (3, 32, 32)
    wide = search(batch=1).model_copy(update={"width": 48})
    assert resize_for_search(tiny, picture, wide).shape == (3, 32, 48)
    with pytest.raises(ConfigError, match="multiples of 8 pixels"):
        resize_for_search(tiny, picture, search(batch=1).model_copy(update={"width": 50}))


@pytest.mark.parametrize("strength", [0.0, 1.5, -0.1])
def test_strengths_are_shares(strength: float) -> None:
    with pytest.raises(ValueError, match="strengths"):
        ReachSettings(strengths=[strength])


def test_a_repeated_strength_is_refused() -> None:
    with pytest.raises(ValueError, match="name each strength once"):
        ReachSettings(strengths=[0.5, 1.0, 0.5])
