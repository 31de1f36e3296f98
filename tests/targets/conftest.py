"""Structured pictures, drawn by arithmetic."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def art() -> Image.Image:
    """40 × 24 pixels, all corners different, structure in every tile."""
    rng = np.random.default_rng(7)
    cells = rng.integers(0, 256, (6, 10, 3), np.uint8)
    return Image.fromarray(cells, "RGB").resize((40, 24), Image.Resampling.NEAREST)
