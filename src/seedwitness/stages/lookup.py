"""Look a target and its candidate prompts up in the corpus: ``data/lookup/TARGET/``."""

from __future__ import annotations

from seedwitness.config.inputs import ClipSettings, CorpusSettings
from seedwitness.config.reading import load_section
from seedwitness.config.steps import LookupSettings
from seedwitness.corpus.lookup import keep_pictures
from seedwitness.prompts.asking import load_recoverer
from seedwitness.records.corpus import LookupQuery
from seedwitness.records.tables import MATCHES, PROMPTS, read_table, write_table
from seedwitness.runtime.files import replace_whole
from seedwitness.stages import frozen, output_path
from seedwitness.stages._target import picture_of


def run(target: str) -> None:
    """Ask with the target's picture and with each prompt; keep every hit, and its picture."""
    protocol = frozen("lookup")
    settings = load_section(LookupSettings, "lookup", path=protocol)
    corpus = load_section(CorpusSettings, "corpus", path=protocol)
    prompts = read_table(output_path("recover", target) / "prompts.parquet", PROMPTS)[
        "text"
    ].tolist()
    image = picture_of(target)
    ask = load_recoverer(
        load_section(ClipSettings, "clip", path=protocol), None, output_path("index")
    )
    index = ask.open(output_path("index"))
    asked = list(dict.fromkeys(prompts))  # the same question twice has the same answers
    hits, matches = ask.look_up(index, image, asked, corpus.path, settings)
    query = LookupQuery(
        corpus_sha256=index.about.sha256,
        model=index.about.model,
        neighbours=settings.neighbours,
        prompts=asked,
        near_duplicate=settings.near_duplicate,
    )
    with replace_whole(output_path("lookup", target)) as part:
        part.mkdir()
        write_table(part / "matches.parquet", matches, MATCHES)
        query.write(part / "query.json")
        keep_pictures(index, hits, corpus.path, part / "images")
