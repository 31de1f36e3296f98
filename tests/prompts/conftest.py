"""The lab's CLIP as the methods see it, and a target drawn for the tests."""

from pathlib import Path

import numpy as np
import pytest

from seedlab.drawing.picture import draw_picture
from seedlab.drawing.plan import plan_sketches
from seedwitness.corpus.embeddings import embed_pictures
from seedwitness.metrics import clip_score
from seedwitness.metrics.clip_score import ClipScore
from seedwitness.prompts.encoder import make_text_encoder
from seedwitness.prompts.recovery_input import TextEncoder, Vectors

CLIP = Path(__file__).parents[2] / "data" / "lab" / "clip"
PLAN = plan_sketches(1, themes=12, once=12, held_out=0, planted={}, twins_each=0)


@pytest.fixture(scope="session")
def captions() -> list[str]:
    """Captions with commas in them, as captions of pictures are."""
    return [wording for sketch in PLAN for wording in sketch.wordings]


@pytest.fixture(scope="session")
def clip() -> ClipScore:
    return clip_score.load_clip(CLIP)


@pytest.fixture(scope="session")
def encoder(clip: ClipScore) -> TextEncoder:
    return make_text_encoder(clip)


@pytest.fixture(scope="session")
def image(clip: ClipScore) -> Vectors:
    """Embedding [d] of a drawn picture."""
    vector = embed_pictures([draw_picture(PLAN[0].theme, PLAN[0].seed, 64)], clip.embed_images)[0]
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    return vector
