"""Areas of a target that are not compared, such as a watermark."""

from pathlib import Path

import numpy as np
import pytest
from lab_scans import RECIPE, SCAN, attribute, load_lab, make_image
from PIL import Image, ImageDraw, ImageOps

from seedwitness.attribution.hidden_areas import find_shown_elements, paint_over
from seedwitness.attribution.placements import plan_placements
from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.errors import ConfigError

LABEL = (8, 40, 120, 104)
SETTINGS = SCAN.model_copy(
    update={"looks": ["first-noise"], "rng_algorithms": ["torch-cpu"], "end_seed": 49_152}
)


@pytest.fixture(scope="module")
def lab() -> LoadedCheckpoint:
    return load_lab()


def stamp(picture: Image.Image) -> Image.Image:
    """Cover nearly half of a picture by a label of other pixels."""
    stamped = picture.copy()
    noise = np.random.default_rng(0).integers(0, 256, (64, 112, 3)).astype(np.uint8)
    stamped.paste(Image.fromarray(noise), LABEL[:2])
    return stamped


def test_a_seed_is_found_beside_a_label_and_its_recipe_compared_there(
    lab: LoadedCheckpoint, tmp_path: Path
) -> None:
    target = stamp(make_image(lab, RECIPE))
    found = attribute(lab, target, tmp_path, settings=SETTINGS, hidden=[LABEL]).scan
    best = found.seeds[0]
    assert (best.seed, best.recovered, found.hidden) == (40_503, True, [LABEL])
    assert found.regenerated is not None
    assert (found.regenerated.recipe, found.regenerated.rms) == (RECIPE, 0)
    covered = attribute(lab, target, tmp_path, settings=SETTINGS).scan
    assert not any(each.recovered for each in covered.seeds)
    mirrored = attribute(
        lab,
        ImageOps.mirror(target),
        tmp_path,
        settings=SETTINGS,
        hidden=[(128 - LABEL[2], LABEL[1], 128 - LABEL[0], LABEL[3])],
    ).scan
    assert (mirrored.seeds[0].seed, mirrored.seeds[0].z) == (40_503, pytest.approx(best.z))
    assert mirrored.regenerated is not None
    assert mirrored.regenerated.rms == 0


def test_a_transparent_watermark_hides_no_seed(lab: LoadedCheckpoint, tmp_path: Path) -> None:
    target = make_image(lab, RECIPE)
    draw = ImageDraw.Draw(target)
    for row in range(5, 128, 24):
        draw.text((4, row), "PREVIEW ONLY  PICTURES", fill="white")
    assert attribute(lab, target, tmp_path, settings=SETTINGS).scan.seeds[0].seed == 40_503


def test_elements_with_a_hidden_pixel_are_left_out() -> None:
    shown = find_shown_elements((64, 32), [(7, 8, 17, 9)], None, 8)
    assert shown.shape == (4, 8)
    assert np.argwhere(~shown).tolist() == [[1, 0], [1, 1], [1, 2]]
    (placement,) = plan_placements(Image.new("RGB", (64, 32)), [(64, 32)], 8, ["mirrored"])
    assert np.array_equal(
        find_shown_elements((64, 32), [(7, 8, 17, 9)], placement, 8), shown[:, ::-1]
    )


def test_hidden_areas_take_the_mean_colour_of_the_rest() -> None:
    picture = Image.new("RGB", (4, 2), (10, 20, 30))
    picture.putpixel((0, 0), (255, 255, 255))
    assert paint_over(picture, [(0, 0, 1, 1)]).getpixel((0, 0)) == (10, 20, 30)
    assert paint_over(picture, []) is picture
    with pytest.raises(ConfigError, match="nothing is left to look at"):
        paint_over(picture, [(0, 0, 4, 2)])


@pytest.mark.parametrize("box", [(0, 0, 0, 5), (-1, 0, 5, 5), (0, 0, 129, 5), (9, 9, 5, 20)])
def test_an_area_outside_of_the_target_is_refused(
    lab: LoadedCheckpoint, box: tuple[int, int, int, int], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"does not lie in the target, which has 128 × 128"):
        attribute(lab, Image.new("RGB", (128, 128)), tmp_path, settings=SETTINGS, hidden=[box])
