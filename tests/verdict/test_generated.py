"""Was it generated? The seed is needed, and a recipe that gives the very image back."""

from dataclasses import replace

import pytest

from seedwitness.records.reasons import Reason
from seedwitness.records.recipe import Recipe
from seedwitness.records.seed_scan import (
    Look,
    LookResult,
    RegeneratedImage,
    SeedCandidate,
    SeedScan,
)
from seedwitness.verdict.generated import judge_generated

LOOK = Look(kind="inversion", steps=20)
RECIPE = Recipe("an owl", 77, 128, 128, "euler", 25, 4.5)


def seed(
    z: float = 20.0, p: float = 1e-70, *, number: int = 77, claimed: bool = False, draw: int = 0
) -> SeedCandidate:
    return SeedCandidate(
        seed=number,
        rng="torch-cpu",
        batch_index=draw,
        look=LOOK,
        z=z,
        p=p,
        correlation=0.4,
        recovered=p <= 0.001,
        claimed=claimed,
    )


def describe_regenerated(rms: float, draw: int = 0) -> RegeneratedImage:
    return RegeneratedImage(
        trial=RECIPE.id,
        recipe=replace(RECIPE, batch_index=draw),
        tried=31,
        nearest=[],
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
        "obstacle": None,
        "rng_algorithms": ["torch-cpu", "philox-nv"],
        "first_seed": 0,
        "end_seed": 2**32,
        "draws": 1,
        "rounds": 0,
        "looks": [
            LookResult(
                looks=[Look(kind="first-noise", steps=20)],
                end_seed=2**32,
                elements=2048,
                detectable_correlation=0.25,
            ),
            LookResult(looks=[LOOK], end_seed=2**32, elements=2048, detectable_correlation=0.2),
        ],
        "alpha": 0.001,
        "z_needed": 7.35,
        "seeds": [seed()],
        "regenerated": describe_regenerated(0.2),
    }
    return SeedScan.model_validate(plain | changes)


def test_a_seed_whose_recipe_gives_the_image_back_is_supported() -> None:
    finding = judge_generated(scan(), ())
    assert finding.finding == "supported"
    seed_recovered, recipe = finding.reasons
    assert seed_recovered == Reason(
        code="seed-recovered",
        values={
            "seed": 77,
            "rng": "torch-cpu",
            "draw": 1,
            "z": 20.0,
            "z_needed": 7.35,
            "p": 1e-70,
            "alpha": 0.001,
        },
    )
    assert recipe == Reason(
        code="recipe-reproduces",
        values={
            "tried": 31,
            "sampler": "euler",
            "steps": 25,
            "guidance": 4.5,
            "rms": 0.2,
            "round_trip_rms": 9.5,
        },
    )
    assert finding.scan == scan()


@pytest.mark.parametrize(("rms", "word"), [(9.5, "supported"), (9.51, "inconclusive")])
def test_the_autoencoders_own_round_trip_is_the_line(rms: float, word: str) -> None:
    assert judge_generated(scan(regenerated=describe_regenerated(rms)), ()).finding == word


def test_a_seed_alone_is_not_enough() -> None:
    """Checkpoints that are kin invert a picture to much the same noise."""
    finding = judge_generated(scan(regenerated=describe_regenerated(30.0)), ())
    assert finding.finding == "inconclusive"
    assert finding.reasons[0] == Reason(
        code="recipe-not-found", values={"tried": 31, "rms": 30.0, "round_trip_rms": 9.5}
    )
    assert (finding.reasons[1].code, finding.reasons[1].values["seed"]) == ("seed-recovered", 77)


@pytest.mark.parametrize("seeds", [[], [seed(4.9, 0.02)]])
def test_chance_is_not_supported_and_the_power_is_told(seeds: list[SeedCandidate]) -> None:
    finding = judge_generated(scan(seeds=seeds, regenerated=None), ())
    assert finding.finding == "not supported"
    (reason,) = finding.reasons
    assert reason.code == ("no-seed-recovered" if seeds else "no-seed-candidate")
    assert reason.values["is_complete"]
    assert reason.values["rng_algorithms"] == ["torch-cpu", "philox-nv"]
    assert reason.values["first_noise_correlation"] == 0.25
    assert reason.values["step_noise_correlation"] is None
    assert reason.values["inversion_correlation"] == 0.2
    assert "seed-space-in-part" not in [limit.code for limit in finding.limits]


def test_a_part_of_the_seed_space_is_named_as_such() -> None:
    finding = judge_generated(scan(end_seed=2**22, seeds=[], regenerated=None), ())
    assert finding.finding == "inconclusive"
    values = finding.reasons[0].values
    assert (values["first_seed"], values["last_seed"], values["share"]) == (0, 2**22 - 1, 2**-10)
    assert not values["is_complete"]
    assert finding.limits[0] == Reason(
        code="seed-space-in-part",
        values={"share": 2**-10, "first_seed": 0, "last_seed": 2**22 - 1},
    )
    nearly = judge_generated(scan(first_seed=1, seeds=[], regenerated=None), ())
    assert nearly.finding == "inconclusive"
    assert nearly.limits[0].code == "seed-space-in-part"
    assert 0.99 < float(str(nearly.limits[0].values["share"])) < 1


def test_a_flat_target_and_a_size_that_cannot_be_are_inconclusive() -> None:
    flat = Reason(code="target-flat", values={"measure": "deviation", "value": 0, "minimum": 1})
    finding = judge_generated(scan(), [flat])
    assert (finding.finding, finding.reasons) == ("inconclusive", [flat])
    obstacle = Reason(
        code="size-not-made", values={"checkpoint": "memorised", "width": 131, "height": 128}
    )
    finding = judge_generated(scan(obstacle=obstacle, seeds=[], regenerated=None), ())
    assert (finding.finding, finding.limits) == ("inconclusive", [])
    assert finding.reasons == [obstacle]


def test_a_claimed_seed_is_answered_whether_it_is_there_or_not() -> None:
    there = judge_generated(scan(seeds=[seed(claimed=True)]), ())
    assert there.reasons[-1] == Reason(code="claimed-seed-recovered", values={"seed": 77})
    wrong = seed(0.31, 1.0, number=5, claimed=True)
    finding = judge_generated(scan(seeds=[seed(), wrong]), ())
    assert finding.finding == "supported"
    assert finding.reasons[-1] == Reason(
        code="claimed-seed-absent",
        values={"seed": 5, "rng_algorithms": ["torch-cpu"], "z": 0.31},
    )


def test_pictures_that_agree_in_every_pixel_are_said_to() -> None:
    assert (
        judge_generated(scan(regenerated=describe_regenerated(0.0)), ()).reasons[1].code
        == "recipe-identical"
    )


def test_checkpoints_that_make_the_same_are_not_told_apart_and_that_is_said() -> None:
    limit = Reason(code="near-identical-checkpoint")
    assert limit in judge_generated(scan(), ()).limits
    other = judge_generated(scan(regenerated=describe_regenerated(30.0)), ())
    assert limit not in other.limits


def test_a_later_picture_of_a_batch_is_called_so() -> None:
    finding = judge_generated(
        scan(draws=3, seeds=[seed(draw=2)], regenerated=describe_regenerated(0.2, draw=2)), ()
    )
    assert finding.reasons[0].values["draw"] == 3
    assert finding.limits[-1].values["draws"] == 3
    assert judge_generated(scan(), ()).reasons[0].values["draw"] == 1


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
    ("names", "not_scanned"),
    [
        (["torch-cpu", "philox-nv"], ["float16", "bfloat16"]),
        (["torch-cpu-bfloat16"], ["float16"]),
        (["torch-cpu-float16", "torch-cpu-bfloat16"], []),
    ],
)
def test_half_precision_of_older_torch_is_a_limit_where_it_was_not_looked_for(
    names: list[str], not_scanned: list[str]
) -> None:
    (scope,) = [
        limit
        for limit in judge_generated(scan(rng_algorithms=names), ()).limits
        if limit.code == "scan-scope"
    ]
    assert scope.values["half_precisions_not_scanned"] == not_scanned


def test_draws_are_counted_for_the_rng_algorithms_that_have_them() -> None:
    for names, draws, shared in (
        (["torch-cpu", "philox-nv"], 3, ["torch-cpu"]),
        (["torch-cpu", "torch-cpu-float16"], 3, ["torch-cpu", "torch-cpu-float16"]),
        (["philox-nv"], 1, []),
    ):
        scope = judge_generated(scan(rng_algorithms=names, draws=3), ()).limits[-1]
        assert (scope.code, scope.values["draws"]) == ("scan-scope", draws)
        assert scope.values["shared_generators"] == shared
