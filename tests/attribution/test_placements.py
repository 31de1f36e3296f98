"""Placements of a target in the image that was sampled."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lab_scans import RECIPE, SCAN, attribute, load_lab, make_image
from PIL import Image, ImageOps

from seedwitness.attribution.placements import (
    Comparison,
    find_inside_of_border,
    find_known_elements,
    list_neighbours,
    place,
    plan_placements,
    show,
)
from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.records.placement import Placement, PlacementKind
from seedwitness.records.target import Claim
from seedwitness.verdict.generated import judge_generated

KINDS: tuple[PlacementKind, ...] = ("mirrored", "bordered", "resized", "cropped")
NOISE = np.random.default_rng(0).integers(0, 256, (128, 128, 3)).astype(np.uint8)
SAMPLED = Image.fromarray(NOISE)
NOISE_OF_512 = Image.new("RGB", (512, 512), "white")


@pytest.fixture(scope="module")
def lab() -> LoadedCheckpoint:
    return load_lab()


@pytest.fixture(scope="module")
def output(lab: LoadedCheckpoint) -> Image.Image:
    return make_image(lab, RECIPE)


def change(picture: Image.Image, how: str) -> Image.Image:
    """What becomes of a sampled image on its way."""
    half = (picture.width // 2, picture.height // 2)
    return {
        "mirrored": lambda: ImageOps.mirror(picture),
        "bordered": lambda: ImageOps.expand(picture, (3, 20, 14, 5), "white"),
        "halved": lambda: picture.resize(half, Image.Resampling.BICUBIC),
        "doubled and mirrored": lambda: ImageOps.mirror(picture).resize((256, 256)),
        "cropped to the middle": lambda: picture.crop((11, 12, 117, 116)),
        "cropped to a corner": lambda: picture.crop((0, 27, 101, 128)),
    }[how]()


CHANGES = {
    "mirrored": True,
    "bordered": True,
    "halved": False,
    "doubled and mirrored": False,
    "cropped to the middle": True,
    "cropped to a corner": True,
}
"""Changes, and whether all pixels that are left are those of the sampled image."""


@pytest.mark.parametrize("how", CHANGES)
def test_a_placement_undoes_what_was_done(how: str) -> None:
    target = change(SAMPLED, how)
    planned = plan_placements(target, [(128, 128)], 8, KINDS)
    assert len(planned) == len(set(planned)) <= 12
    nearest = min(
        planned, key=lambda each: Comparison.make(target, [each]).compute_rms(_pixels(SAMPLED))
    )
    compared = Comparison.make(target, [nearest])
    if CHANGES[how]:
        assert compared.compute_rms(_pixels(SAMPLED)) == 0
        assert np.array_equal(_known(place(target, nearest), nearest), _known(SAMPLED, nearest))
    else:  # the way of resizing is one of those that are tried
        assert nearest.is_resized
        assert compared.compute_rms(_pixels(SAMPLED)) < 1
    assert nearest.mirrored == ("mirrored" in how)
    assert nearest.is_cropped == ("cropped" in how)
    assert place(target, nearest).size == (nearest.width, nearest.height) == SAMPLED.size


def test_only_the_kinds_that_are_asked_for_are_planned() -> None:
    assert plan_placements(SAMPLED, [(128, 128)], 8, ()) == []
    (mirrored,) = plan_placements(SAMPLED, [(128, 128)], 8, KINDS)
    assert mirrored.mirrored
    assert (mirrored.left, mirrored.top, mirrored.box) == (0, 0, (0, 0, 128, 128))
    assert plan_placements(SAMPLED, [(64, 64)], 8, ["cropped"]) == []  # it is larger
    wide = SAMPLED.crop((0, 30, 128, 110))
    assert plan_placements(wide, [(128, 128)], 8, ["resized"]) == []
    assert len(plan_placements(wide, [(128, 128)], 8, ["cropped"])) == 3


def test_elements_are_known_where_all_their_pixels_are() -> None:
    placement = Placement(
        width=128, height=64, box=(0, 0, 50, 33), left=9, top=8, part_width=50, part_height=33
    )
    rows, columns = find_known_elements(placement, 8)
    assert (rows, columns) == (slice(1, 5), slice(2, 7))


def test_a_picture_with_nothing_in_its_border_has_no_border() -> None:
    plain = Image.new("RGB", (64, 64), "white")
    assert find_inside_of_border(plain) == (0, 0, 64, 64)
    plain.putpixel((30, 30), (0, 0, 0))
    assert find_inside_of_border(plain) == (0, 0, 64, 64)
    assert find_inside_of_border(ImageOps.expand(SAMPLED, 5, (9, 9, 9))) == (5, 5, 133, 133)


def test_a_picture_of_every_way_of_resizing_is_shown() -> None:
    target = change(SAMPLED, "halved")
    (placement,) = plan_placements(target, [(128, 128)], 8, ["resized"])
    assert len({each.tobytes() for each in show(SAMPLED, placement)}) > 3


@pytest.mark.parametrize("how", CHANGES)
def test_the_seed_of_a_changed_output_is_recovered(
    lab: LoadedCheckpoint, output: Image.Image, how: str, tmp_path: Path
) -> None:
    target = change(output, how)
    settings = SCAN.model_copy(update={"looks": ["first-noise"], "end_seed": 49_152})
    found = attribute(lab, target, tmp_path, settings=settings).scan
    best = found.seeds[0]
    assert (best.seed, best.recovered, found.obstacle) == (40_503, True, None)
    assert best.look.placement is not None
    assert best.look.placement.mirrored == ("mirrored" in how)
    assert found.regenerated is not None
    assert found.regenerated.recipe == RECIPE
    assert found.regenerated.rms == 0  # also of a resized one, by the right way of resizing
    finding = judge_generated(found, ())
    assert finding.finding == "supported"
    assert "target-is-placed" in [limit.code for limit in finding.limits]


@pytest.mark.parametrize("room", [0, 1, 2, 7, 8, 9, 26, 103])
def test_every_offset_is_within_a_pixel_of_one_that_is_tried(room: int) -> None:
    target = (
        SAMPLED.crop((0, 0, 128 - room, 128)) if room < 60 else NOISE_OF_512.crop((0, 0, 409, 512))
    )
    made = (target.width + room, target.height)
    if not room:
        assert plan_placements(target, [made], 8, ["cropped-anywhere"]) == []
        return
    planned = plan_placements(target, [made], 8, ["cropped-anywhere"])
    assert all(each.is_approximate and each.top == 0 for each in planned)
    tried = {each.left for each in planned}
    assert max(tried) <= room
    assert all(tried & {left - 1, left, left + 1} for left in range(room + 1))
    near = {each.left for first in planned for each in list_neighbours(first)}
    assert near == set(range(room + 1))


def test_the_seed_of_an_output_that_was_cropped_anywhere_is_recovered(
    lab: LoadedCheckpoint, output: Image.Image, tmp_path: Path
) -> None:
    target = output.crop((18, 10, 118, 114))
    settings = SCAN.model_copy(
        update={
            "looks": ["first-noise"],
            "rng_algorithms": ["torch-cpu"],
            "first_seed": 40_000,
            "end_seed": 49_152,
            "anywhere_seeds": 1024,
        }
    )
    found = attribute(lab, target, tmp_path, settings=settings).scan
    assert [result.end_seed for result in found.looks] == [49_152, 41_024]
    best = found.seeds[0]
    assert (best.seed, best.recovered) == (40_503, True)
    assert found.regenerated is not None
    assert (found.regenerated.recipe, found.regenerated.rms) == (RECIPE, 0)
    assert found.regenerated.placement is not None
    assert (found.regenerated.placement.left, found.regenerated.placement.top) == (18, 10)
    (scope,) = [each for each in judge_generated(found, ()).limits if each.code == "scan-scope"]
    assert (scope.values["placements"], scope.values["anywhere_seeds"]) == (5, 1024)


def test_a_claimed_size_is_tried(lab: LoadedCheckpoint, tmp_path: Path) -> None:
    recipe = replace(RECIPE, width=144, height=96)
    target = make_image(lab, recipe).resize((72, 48))
    settings = SCAN.model_copy(update={"looks": ["first-noise"], "end_seed": 49_152})
    claim = Claim(tool="AUTOMATIC1111", width=144, height=96)
    best = attribute(lab, target, tmp_path, claim, settings=settings).scan.seeds[0]
    assert (best.seed, best.recovered) == (40_503, True)
    assert best.look.placement is not None
    assert (best.look.placement.width, best.look.placement.height) == (144, 96)


def test_where_only_placements_were_looked_at_nothing_is_ruled_out(
    lab: LoadedCheckpoint, output: Image.Image, tmp_path: Path
) -> None:
    target = output.crop((5, 9, 111, 109))  # neither the middle nor a corner
    settings = SCAN.model_copy(update={"end_seed": 128, "placements": [*KINDS]})
    found = attribute(lab, target, tmp_path, settings=settings).scan
    assert {result.kind for result in found.looks} == {"first-noise"}
    assert found.is_only_placed
    finding = judge_generated(found.model_copy(update={"end_seed": 2**32}), ())
    assert finding.finding == "inconclusive"
    assert finding.reasons[0].code == "size-only-placed"
    assert finding.reasons[0].values["sizes"] == ["128 × 128"]


def _pixels(picture: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def _known(picture: Image.Image, placement: Placement) -> np.ndarray:
    rows, columns = find_known_elements(placement, 1)
    return np.asarray(picture)[rows, columns]
