"""Look a target and its candidate prompts up in the corpus: ``data/lookup/TARGET/``."""

from __future__ import annotations

from seedwitness import config
from seedwitness.corpus import Embedder, Fingerprint
from seedwitness.corpus.embedding import embed_pictures
from seedwitness.corpus.index import load
from seedwitness.corpus.lookup import keep_pictures, look_up, table
from seedwitness.files import replacing
from seedwitness.metrics import clip_score, pdq, phash
from seedwitness.pictures import decoded
from seedwitness.prompts import bits_of
from seedwitness.prompts.encoder import text_encoder
from seedwitness.records import MATCHES, PROMPTS, Query, read_table, write_table
from seedwitness.stages import place


def run(target: str) -> None:
    """Ask with the target's picture and with each prompt; keep every hit, and its picture."""
    settings = config.section(config.Lookup, "lookup")
    corpus = config.section(config.Corpus, "corpus")
    prompts = read_table(place("recover", target) / "prompts.parquet", PROMPTS)["text"].tolist()
    image = decoded(
        place("prepare", target) / "image.png", f"`dvc repro prepare@{target}` writes it."
    )
    clip = clip_score.load(config.section(config.Clip, "clip").path)
    encoder = text_encoder(clip)
    index = load(place("index"), Embedder(clip.embed_images, clip.embed_texts, clip.info))
    asked = list(dict.fromkeys(prompts))  # the same question twice has the same answers
    hits = look_up(
        index,
        embed_pictures([image], clip.embed_images)[0],
        dict(zip(asked, encoder.embed(asked), strict=True)) if asked else {},
        neighbours=settings.neighbours,
        near_duplicate=settings.near_duplicate,
    )

    def measured(caption: str) -> tuple[int, float]:
        tokens = encoder.count(caption)
        return tokens, bits_of(tokens, encoder.vocabulary)

    own = Fingerprint(phash.hashed(image), *pdq.hashed(image))
    matches = table(index, hits, corpus.path, own, pdq.distance, measured)
    query = Query(
        corpus_sha256=index.about.sha256,
        model=index.about.model,
        neighbours=settings.neighbours,
        prompts=asked,
        near_duplicate=settings.near_duplicate,
    )
    with replacing(place("lookup", target)) as part:
        part.mkdir()
        write_table(part / "matches.parquet", matches, MATCHES)
        query.write(part / "query.json")
        keep_pictures(index, hits, corpus.path, part / "images")
