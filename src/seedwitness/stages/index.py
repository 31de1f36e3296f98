"""Embed the corpus and index it: ``data/index/``."""

from __future__ import annotations

from functools import partial

from seedwitness.config.inputs import ClipSettings, CorpusSettings
from seedwitness.config.reading import load_section
from seedwitness.corpus import Embedder
from seedwitness.corpus.building import build
from seedwitness.corpus.index import save
from seedwitness.metrics import clip_score
from seedwitness.prompts.asking import hash_image
from seedwitness.runtime.devices import default_device
from seedwitness.stages import frozen, output_path


def run() -> None:
    """Index the folder that ``corpus`` names by the model that ``clip`` names."""
    protocol = frozen("index")
    corpus = load_section(CorpusSettings, "corpus", path=protocol)
    settings = load_section(ClipSettings, "clip", path=protocol)
    clip = clip_score.load(settings.path, default_device())
    embed_images = partial(clip.embed_images, batch=settings.batch)
    embedder = Embedder(embed_images, clip.embed_texts, clip.info)
    index = build(corpus.path, corpus.source, embedder, hash_image, batch=settings.batch)
    save(index, output_path("index"))
