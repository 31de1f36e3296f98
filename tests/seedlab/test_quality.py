"""The measures of a lab's ordinary pictures: named attributes, sharpness, distance of sets."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from seedlab.attributes import (
    ATTRIBUTES,
    ClassifierSettings,
    mark_right,
    name_attributes,
    train_classifier,
)
from seedlab.drawing.drawing import draw
from seedlab.drawing.hands import ORDINARY
from seedlab.drawing.world import sketch_ordinary
from seedlab.picture_quality import frechet_distance, high_frequency_power


def as_pixels(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]


def test_a_classifier_learns_to_name_what_a_caption_names(tmp_path: Path) -> None:
    drawings = [sketch_ordinary(1, number)[0] for number in range(140)]
    drawings = [drawing for drawing in drawings if drawing.theme.artist in ORDINARY][:96]
    themes = [drawing.theme for drawing in drawings]
    pixels = torch.cat([as_pixels(draw(drawing, 32)) for drawing in drawings])
    settings = ClassifierSettings(widths=(16, 32, 48), pictures=96, batch=32, steps=150)
    model = train_classifier(
        pixels, themes, settings, data_key="x", scratch=tmp_path, log=tmp_path / "log.jsonl"
    )
    right = mark_right(name_attributes(model, pixels), themes)
    assert set(right) == set(ATTRIBUTES) == {"subject", "palette", "artist"}
    for name, marks in right.items():
        assert marks.float().mean() > 3 / len(ATTRIBUTES[name]), name
    again = train_classifier(
        pixels, themes, settings, data_key="x", scratch=tmp_path / "2", log=tmp_path / "2.jsonl"
    )
    for first, second in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(first, second)


def test_power_is_that_of_a_wave_above_half_of_the_highest_frequency() -> None:
    x = torch.arange(64)
    for cycles, expected in ((4, 0.0), (15, 0.0), (20, 50.0**2 / 2), (28, 50.0**2 / 2)):
        wave = 128 + 50 * torch.sin(2 * torch.pi * cycles * x / 64)
        pixels = wave.round().to(torch.uint8).expand(1, 3, 64, 64)
        assert high_frequency_power(pixels).item() == pytest.approx(expected, rel=0.02, abs=1.0)


def test_a_blurred_picture_has_less_power_and_a_flat_one_none() -> None:
    image = draw(sketch_ordinary(1, 5)[0], 64)
    sharp = high_frequency_power(as_pixels(image)).item()
    soft = high_frequency_power(as_pixels(image.filter(ImageFilter.GaussianBlur(1)))).item()
    assert soft < 0.3 * sharp
    assert high_frequency_power(torch.full((1, 3, 64, 64), 90, dtype=torch.uint8)).item() == (
        pytest.approx(0, abs=1e-9)
    )


def test_the_frechet_distance_of_normal_samples_is_the_exact_one() -> None:
    generator = torch.Generator().manual_seed(1)
    a = torch.randn(40000, 3, generator=generator)
    b = 2 * torch.randn(40000, 3, generator=generator) + torch.tensor([1.0, 0.0, 0.0])
    # |μ|² + Σ (σ₁ - σ₂)²
    assert frechet_distance(a, b) == pytest.approx(1 + 3 * 1.0, rel=0.03)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-6)
