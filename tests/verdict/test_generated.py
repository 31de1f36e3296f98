"""Was it generated? The seed is needed, and a recipe that gives the very image back."""

from dataclasses import replace

import pytest

from seedwitness.records.recipe import Recipe
from seedwitness.records.seed_scan import Inversion, RegeneratedImage, SeedCandidate, SeedScan
from seedwitness.verdict.generated import generated

INVERSION = Inversion(prompt="", guidance=1.0)
RECIPE = Recipe("an owl", 77, 128, 128, "euler", 25, 4.5)


def seed(
    z: float = 20.0, p: float = 1e-70, *, number: int = 77, claimed: bool = False, draw: int = 0
) -> SeedCandidate:
    return SeedCandidate(
        seed=number,
        rng="torch-cpu",
        batch_index=draw,
        inversion=INVERSION,
        z=z,
        p=p,
        correlation=0.4,
        recovered=p <= 0.001,
        claimed=claimed,
    )


def made(rms: float, draw: int = 0) -> RegeneratedImage:
    return RegeneratedImage(
        trial=RECIPE.id,
        recipe=replace(RECIPE, batch_index=draw),
        tried=31,
        noise_sha256="",
        latent_sha256="",
        rms=rms,
        round_trip_rms=9.5,
        image="regenerated.png",
    )


def scan(**changes: object) -> SeedScan:
    plain = {
        "target": "owl",
        "checkpoint": "memorised",
        "checkpoint_sha256": "",
        "note": "",
        "protocols": ["torch-cpu", "philox-nv"],
        "first_seed": 0,
        "end_seed": 2**32,
        "pictures": 1,
        "inversions": [INVERSION],
        "steps": 20,
        "rounds": 0,
        "elements": 2048,
        "alpha": 0.001,
        "z_needed": 7.35,
        "seen": 0.2,
        "seeds": [seed()],
        "regenerated": made(0.2),
    }
    return SeedScan.model_validate(plain | changes)


def test_a_seed_whose_recipe_gives_the_image_back_is_supported() -> None:
    found = generated(scan(), ())
    assert found.finding == "supported"
    assert "seed 77 by torch-cpu" in found.reasons[0]
    assert "euler, 25 steps, guidance 4.5" in found.reasons[1]
    assert found.scan == scan()


@pytest.mark.parametrize(("rms", "word"), [(9.5, "supported"), (9.51, "inconclusive")])
def test_the_autoencoders_own_round_trip_is_the_line(rms: float, word: str) -> None:
    assert generated(scan(regenerated=made(rms)), ()).finding == word


def test_a_seed_alone_is_not_enough() -> None:
    """Checkpoints that are kin invert a picture to much the same noise."""
    found = generated(scan(regenerated=made(30.0)), ())
    assert found.finding == "inconclusive"
    assert "kin" in found.reasons[0]
    assert "seed 77" in found.reasons[1]


@pytest.mark.parametrize("seeds", [[], [seed(4.9, 0.02)]])
def test_chance_is_not_supported_and_the_power_is_told(seeds: list[SeedCandidate]) -> None:
    found = generated(scan(seeds=seeds, regenerated=None), ())
    assert found.finding == "not supported"
    assert "No seed of all 2^32 by torch-cpu and philox-nv" in found.reasons[0]
    assert "0.20 or more" in found.reasons[0]
    assert not any("seed space was looked at" in limit for limit in found.limits)


def test_a_part_of_the_seed_space_is_named_as_such() -> None:
    found = generated(scan(end_seed=2**22, seeds=[], regenerated=None), ())
    assert found.finding == "inconclusive"
    assert "No seed from 0 to 4,194,303, 0.098 % of them all," in found.reasons[0]
    assert "0.098 % of the seed space" in found.limits[0]
    nearly = generated(scan(first_seed=1, seeds=[], regenerated=None), ())
    assert nearly.finding == "inconclusive"
    assert "over 99 % of the seed space" in nearly.limits[0]


def test_a_flat_target_and_a_size_that_cannot_be_are_inconclusive() -> None:
    assert generated(scan(), ["one grey"]).finding == "inconclusive"
    found = generated(scan(note="cropped since", seeds=[], regenerated=None), ())
    assert (found.finding, found.reasons, found.limits) == ("inconclusive", ["cropped since"], [])


def test_a_claimed_seed_is_answered_whether_it_is_there_or_not() -> None:
    there = generated(scan(seeds=[seed(claimed=True)]), ())
    assert "names seed 77 (modulo 2^32), whose noise is there" in there.reasons[-1]
    wrong = seed(0.31, 1.0, number=5, claimed=True)
    found = generated(scan(seeds=[seed(), wrong]), ())
    assert found.finding == "supported"
    assert (
        "names seed 5 (modulo 2^32), whose noise is not there by torch-cpu: z = 0.31"
        in found.reasons[-1]
    )


def test_pictures_that_agree_in_every_pixel_are_said_to() -> None:
    assert "agree in every pixel" in generated(scan(regenerated=made(0.0)), ()).reasons[1]


def test_checkpoints_that_make_the_same_are_not_told_apart_and_that_is_said() -> None:
    assert any("hashes of the weights" in each for each in generated(scan(), ()).limits)
    other = generated(scan(regenerated=made(30.0)), ())
    assert not any("hashes of the weights" in each for each in other.limits)


def test_a_later_picture_of_a_batch_is_called_so() -> None:
    found = generated(scan(pictures=3, seeds=[seed(draw=2)], regenerated=made(0.2, draw=2)), ())
    assert "seed 77 by torch-cpu, draw 3 of its generator, is in the target" in found.reasons[0]
    assert "one of the first 3 draws of its generator" in found.limits[-1]
    assert "draw" not in generated(scan(), ()).reasons[0]


def test_a_recovered_seed_without_its_picture_is_no_scan() -> None:
    with pytest.raises(ValueError, match="regenerated"):
        scan(regenerated=None)
    with pytest.raises(ValueError, match="regenerated"):
        scan(seeds=[])
    with pytest.raises(ValueError, match="regenerated"):
        scan(seeds=[seed(number=78)])
    with pytest.raises(ValueError, match="regenerated"):
        scan(seeds=[seed(draw=1)])


@pytest.mark.parametrize(
    ("protocols", "said"),
    [
        (["torch-cpu", "philox-nv"], "noise of float16 or bfloat16 as torch up to 2.11 drew it"),
        (["torch-cpu-bfloat16"], "noise of float16 as torch up to 2.11 drew it"),
        (["torch-cpu-float16", "torch-cpu-bfloat16"], None),
    ],
)
def test_half_precision_of_older_torch_is_a_limit_where_it_was_not_looked_for(
    protocols: list[str], said: str | None
) -> None:
    limits = " ".join(generated(scan(protocols=protocols), ()).limits)
    assert said in limits if said else "2.11" not in limits


def test_draws_that_were_looked_at_are_those_of_the_protocols_that_have_them() -> None:
    for protocols, said in (
        (["torch-cpu", "philox-nv"], "one of the first 3 draws of its generator by torch-cpu, by"),
        (
            ["torch-cpu", "torch-cpu-float16"],
            "one of the first 3 draws of its generator by torch-cpu or torch-cpu-float16, by",
        ),
        (["philox-nv"], "the first draw of its generator, by philox-nv"),
    ):
        limits = " ".join(generated(scan(protocols=protocols, pictures=3), ()).limits)
        assert said in limits
