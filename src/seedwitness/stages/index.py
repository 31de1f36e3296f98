"""Embed the corpus and index it: ``data/index/``."""

from __future__ import annotations

from functools import partial

from seedwitness import config
from seedwitness.corpus import Embedder
from seedwitness.corpus.building import build
from seedwitness.corpus.index import save
from seedwitness.metrics import clip_score
from seedwitness.prompts.asking import fingerprint
from seedwitness.runtime.devices import device
from seedwitness.stages import frozen, place


def run() -> None:
    """Index the folder that ``corpus`` names by the model that ``clip`` names."""
    protocol = frozen("index")
    corpus = config.section(config.Corpus, "corpus", path=protocol)
    settings = config.section(config.Clip, "clip", path=protocol)
    clip = clip_score.load(settings.path, device())
    embed_images = partial(clip.embed_images, batch=settings.batch)
    embedder = Embedder(embed_images, clip.embed_texts, clip.info)
    index = build(corpus.path, corpus.source, embedder, fingerprint, batch=settings.batch)
    save(index, place("index"))
