"""Look a target and its candidate prompts up in the corpus: ``data/lookup/TARGET/``."""

from __future__ import annotations

from seedwitness import config
from seedwitness.corpus.lookup import keep_pictures
from seedwitness.prompts.asking import asker
from seedwitness.records import MATCHES, PROMPTS, Query, read_table, write_table
from seedwitness.runtime.files import replacing
from seedwitness.stages import frozen, place
from seedwitness.stages._target import picture_of


def run(target: str) -> None:
    """Ask with the target's picture and with each prompt; keep every hit, and its picture."""
    protocol = frozen("lookup")
    settings = config.section(config.Lookup, "lookup", path=protocol)
    corpus = config.section(config.Corpus, "corpus", path=protocol)
    prompts = read_table(place("recover", target) / "prompts.parquet", PROMPTS)["text"].tolist()
    image = picture_of(target)
    ask = asker(config.section(config.Clip, "clip", path=protocol), None, place("index"))
    index = ask.open(place("index"))
    asked = list(dict.fromkeys(prompts))  # the same question twice has the same answers
    hits, matches = ask.look_up(index, image, asked, corpus.path, settings)
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
