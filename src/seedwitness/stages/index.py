"""Embed the corpus and index it: ``data/index/``."""

from __future__ import annotations

from functools import partial

from seedwitness.config.stage_settings import IndexStage, load_stage_settings
from seedwitness.corpus import Embedder
from seedwitness.corpus.image_hashes import hash_corpus_image, load_describer
from seedwitness.corpus.index_builder import build_index
from seedwitness.metrics import clip_score
from seedwitness.runtime.devices import default_device
from seedwitness.runtime.keyed_cache import ROOT
from seedwitness.stages import output_path


def run() -> None:
    """Index the folder that ``corpus`` names by the model that ``clip`` names."""
    settings = load_stage_settings("index", IndexStage)
    corpus, batch = settings.corpus, settings.clip.batch
    clip = clip_score.load_clip(settings.clip.path, default_device())
    embedder = Embedder(partial(clip.embed_images, batch_size=batch), clip.embed_texts, clip.info)
    build_index(
        corpus,
        embedder,
        hash_corpus_image,
        output_path("index"),
        batch_size=batch,
        describer=load_describer(corpus.descriptor),
        work=ROOT / "index",
    )
