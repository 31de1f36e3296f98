"""A small corpus and its index, made once."""

from pathlib import Path

import pytest
from drawnfolder import fingerprint, written

from seedwitness.corpus import Embedder
from seedwitness.corpus.index_builder import build
from seedwitness.corpus.index import Index, save
from seedwitness.metrics import clip_score

CLIP = Path(__file__).parents[2] / "data" / "lab" / "clip"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("corpus") / "art")


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    clip = clip_score.load(CLIP)
    return Embedder(clip.embed_images, clip.embed_texts, clip.info)


@pytest.fixture(scope="module")
def index(folder: Path, embedder: Embedder) -> Index:
    return build(folder, "drawn for the tests", embedder, fingerprint, batch=64)


@pytest.fixture
def saved(index: Index, tmp_path: Path) -> Path:
    save(index, tmp_path / "index")
    return tmp_path / "index"
