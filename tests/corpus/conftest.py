"""A small corpus and its index, built once."""

import shutil
from pathlib import Path

import pytest
from drawn_corpus import compute_fingerprint, write_corpus

from seedwitness.config.inputs import CorpusSettings
from seedwitness.corpus import Embedder
from seedwitness.corpus.image_hashes import load_describer
from seedwitness.corpus.index import CorpusIndex, load_index
from seedwitness.corpus.index_builder import build_index
from seedwitness.metrics import clip_score

CLIP = Path(__file__).parents[2] / "data" / "lab" / "clip"
DESCRIPTOR = CLIP.parent / "metrics" / "descriptor" / "descriptor.pt"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "art")


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    clip = clip_score.load_clip(CLIP)
    return Embedder(clip.embed_images, clip.embed_texts, clip.info)


@pytest.fixture(scope="module")
def built(folder: Path, embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "index"
    corpus = CorpusSettings(path=folder, source="drawn for the tests")
    build_index(
        corpus,
        embedder,
        compute_fingerprint,
        out,
        batch_size=64,
        describer=load_describer(DESCRIPTOR),
    )
    return out


@pytest.fixture(scope="module")
def index(built: Path, embedder: Embedder) -> CorpusIndex:
    return load_index(built, embedder)


@pytest.fixture
def saved(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built, tmp_path / "index")
    return tmp_path / "index"
