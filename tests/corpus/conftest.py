"""A small corpus and its index, built once."""

from pathlib import Path

import pytest
from drawn_corpus import compute_fingerprint, write_corpus

from seedwitness.corpus import Embedder
from seedwitness.corpus.index import CorpusIndex, save_index
from seedwitness.corpus.index_builder import build_index
from seedwitness.metrics import clip_score

CLIP = Path(__file__).parents[2] / "data" / "lab" / "clip"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "art")


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    clip = clip_score.load_clip(CLIP)
    return Embedder(clip.embed_images, clip.embed_texts, clip.info)


@pytest.fixture(scope="module")
def index(folder: Path, embedder: Embedder) -> CorpusIndex:
    return build_index(folder, "drawn for the tests", embedder, compute_fingerprint, batch_size=64)


@pytest.fixture
def saved(index: CorpusIndex, tmp_path: Path) -> Path:
    save_index(index, tmp_path / "index")
    return tmp_path / "index"
