"""Information content of a picture, and when it is too little."""

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from seedwitness.config.steps import PrepareSettings
from seedwitness.metrics.patch_l2 import patch_l2
from seedwitness.records.target import InformationContent
from seedwitness.targets.information import (
    compute_tile_deviations,
    count_lossless_bytes,
    measure_information,
)
from seedwitness.targets.refusals import find_blank_copy, find_low_information

# Those of conf/.
LIMITS = PrepareSettings(min_bits_per_pixel=0.25, min_deviation=0.03, min_busy_tiles=0.15)


def jpeg(image: Image.Image, quality: int = 75) -> Image.Image:
    out = BytesIO()
    image.save(out, "JPEG", quality=quality)
    return Image.open(out).convert("RGB")


def noise(sigma: float, side: int, base: float = 128) -> Image.Image:
    rng = np.random.default_rng(11)
    levels = base + rng.normal(0, sigma, (side, side, 3))
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8), "RGB")


def gradient(side: int) -> Image.Image:
    down, right = np.mgrid[:side, :side]
    levels = ((down + right) * 255 / (2 * side - 2)).round().astype(np.uint8)
    return Image.fromarray(levels).convert("RGB")


def on_white(side: int, text: str = "") -> Image.Image:
    """Draw a dot of five pixels, or a line of small text."""
    image = Image.new("RGB", (side, side), "white")
    draw = ImageDraw.Draw(image)
    middle = side // 2
    if text:
        draw.text((8, middle), text, fill="black")
    else:
        draw.ellipse((middle - 2, middle - 2, middle + 2, middle + 2), fill="black")
    return image


def blobs(side: int) -> Image.Image:
    """Draw forty discs of random colours: a structured picture without copyright."""
    rng = np.random.default_rng(2)
    image = Image.new("RGB", (side, side), "navy")
    draw = ImageDraw.Draw(image)
    for x, y, radius, *colour in rng.integers(0, 256, (40, 6)):
        x, y, radius = (int(value) * side // 256 for value in (x, y, 8 + radius // 8))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=tuple(map(int, colour)))
    return image


FLAT = {
    "single colour": Image.new("RGB", (256, 256), (90, 120, 30)),
    "single colour, noise 2, JPEG": jpeg(noise(2, 256)),
    "single colour, noise 4": noise(4, 256),
    "gradient": gradient(256),
    "gradient, JPEG": jpeg(gradient(256)),
    "dot": on_white(256),
    "dot, JPEG": jpeg(on_white(256)),
    "line of text": on_white(256, "a small line of text"),
    "line of text, JPEG": jpeg(on_white(256, "a small line of text")),
    "large line of text": on_white(256, "a small line of text").resize((2048, 2048)),
    "one pixel": Image.new("RGB", (1, 1), "red"),
    "two by one": Image.fromarray(np.array([[[0] * 3, [255] * 3]], np.uint8), "RGB"),
}


@pytest.mark.parametrize("name", FLAT)
def test_flat_pictures_have_too_little_information_with_reasons(name: str) -> None:
    reasons = find_low_information(measure_information(FLAT[name]), LIMITS)
    assert reasons
    for reason in reasons:
        assert reason.code == "target-flat"
        assert reason.values["value"] < reason.values["minimum"]  # type: ignore[operator]


@pytest.mark.parametrize("side", [128, 512, 1500])
def test_structured_pictures_have_enough_information(side: int) -> None:
    for image in (blobs(side), jpeg(blobs(side))):
        assert find_low_information(measure_information(image), LIMITS) == []


def test_each_limit_has_its_reason() -> None:
    nothing = InformationContent(bits_per_pixel=0, deviation=0, busy_tiles=0, patch_contrast=0)
    assert len(find_low_information(nothing, LIMITS)) == 3
    none = PrepareSettings(min_bits_per_pixel=0, min_deviation=0, min_busy_tiles=0)
    assert find_low_information(nothing, none) == []
    at = InformationContent(bits_per_pixel=0.25, deviation=0.03, busy_tiles=0.15, patch_contrast=0)
    assert find_low_information(at, LIMITS) == []
    (reason,) = find_low_information(at.model_copy(update={"busy_tiles": 0.0512}), LIMITS)
    assert reason.values == {"measure": "busy_tiles", "value": 0.0512, "minimum": 0.15}


def test_known_answers() -> None:
    assert measure_information(FLAT["single colour"]) == InformationContent(
        bits_per_pixel=0, deviation=0, busy_tiles=0, patch_contrast=0
    )
    black_and_white = Image.new("RGB", (64, 64), "black")
    black_and_white.paste("white", (0, 0, 32, 64))
    halves = measure_information(black_and_white)
    assert halves.deviation == pytest.approx(0.5)
    assert halves.busy_tiles == 0
    assert 0 < halves.bits_per_pixel < 0.2
    # Noise cannot be coded below its entropy, nor does a lossless coder take much more.
    uniform = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    assert measure_information(Image.fromarray(uniform, "RGB")).bits_per_pixel == pytest.approx(
        24, rel=0.02
    )


@pytest.mark.parametrize("shape", [(16, 24), (13, 7), (1, 1), (8, 9)])
def test_tile_deviations_equal_a_loop_over_tiles(shape: tuple[int, int]) -> None:
    levels = np.random.default_rng(0).integers(0, 256, shape).astype(float)
    rows, columns = (range(0, length, 8) for length in shape)
    expected = [[levels[y : y + 8, x : x + 8].std() for x in columns] for y in rows]
    assert compute_tile_deviations(levels) == pytest.approx(np.array(expected), abs=1e-6)


def test_rotation_changes_the_measure_little_and_scaling_less() -> None:
    image = blobs(512)
    once = measure_information(image)
    turned = measure_information(image.transpose(Image.Transpose.ROTATE_90))
    assert turned.deviation == pytest.approx(once.deviation, rel=1e-4)  # two passes, rounded
    assert turned.busy_tiles == pytest.approx(once.busy_tiles, abs=0.01)
    assert turned.bits_per_pixel == pytest.approx(once.bits_per_pixel, rel=0.1)
    # Measured at the same 128 pixels, whatever the size of the file.
    assert measure_information(image.resize((1024, 1024), Image.Resampling.NEAREST)) == once
    assert measure_information(Image.new("RGB", (5000, 1))).busy_tiles == 0


def test_the_smaller_of_two_codings_counts() -> None:
    for image in (blobs(64), noise(40, 64), Image.new("RGB", (64, 64))):
        sizes = []
        for form in ("PNG", "WEBP"):
            out = BytesIO()
            image.save(out, form, **({"lossless": True} if form == "WEBP" else {}))
            sizes.append(len(out.getvalue()))
            out.seek(0)
            assert Image.open(out).convert("RGB").tobytes() == image.tobytes()
        assert count_lossless_bytes(image) <= min(sizes)


def test_patch_contrast_is_the_distance_from_the_mean_colour() -> None:
    rng = np.random.default_rng(5)
    levels = rng.integers(0, 255, (64, 64, 3), np.uint8)
    levels[:16, :16] //= 4
    mean = levels.reshape(-1, 3).mean(0)
    pixels = torch.from_numpy(levels).permute(2, 0, 1) / 255
    sheet = torch.tensor(mean / 255, dtype=torch.float32)[:, None, None].expand_as(pixels)
    expected = float(patch_l2(pixels, sheet))
    assert measure_information(Image.fromarray(levels)).patch_contrast == pytest.approx(
        expected, rel=1e-5
    )
    assert measure_information(Image.new("RGB", (64, 64), (9, 99, 199))).patch_contrast == 0


def test_the_limits_have_a_margin() -> None:
    """Just above a limit is refused too, and a sheet that would nearly be a copy."""
    limits = LIMITS.model_copy(update={"margin": 0.1})
    at = InformationContent(
        bits_per_pixel=0.26, deviation=0.0329, busy_tiles=0.166, patch_contrast=0.16
    )
    assert find_low_information(at, LIMITS) == []
    reasons = find_low_information(at, limits)
    assert [reason.values["measure"] for reason in reasons] == ["bits_per_pixel", "deviation"]
    assert find_blank_copy(at, [("patch-l2", 0.15)], 0.0) == []
    (reason,) = find_blank_copy(at, [("patch-l2", 0.15)], 0.1)
    assert reason.values["threshold"] == pytest.approx(0.165)
    assert find_blank_copy(at, [("patch-l2", 0.15), ("descriptor", 0.8)], 0.1) == []
