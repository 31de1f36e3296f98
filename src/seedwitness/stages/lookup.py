"""Look a target and its candidate prompts up in the corpus: ``data/lookup/TARGET/``."""

from __future__ import annotations

from seedwitness.config.stage_settings import LookupStage, load_stage_settings
from seedwitness.corpus.lookup import save_match_images
from seedwitness.prompts.recoverer import load_recoverer
from seedwitness.records.corpus import LookupQuery
from seedwitness.records.tables import MATCHES, PROMPTS, read_table, write_table
from seedwitness.runtime.files import replace_whole
from seedwitness.stages import output_path
from seedwitness.stages._target_image import load_target_image


def run(target: str) -> None:
    """Query with the target's image and with each prompt; keep every hit, and its image."""
    settings = load_stage_settings("lookup", LookupStage)
    prompts = read_table(output_path("recover", target) / "prompts.parquet", PROMPTS)["text"]
    texts = list(dict.fromkeys(prompts.tolist()))  # an equal query has equal answers
    image, corpus = load_target_image(target), settings.corpus
    recoverer = load_recoverer(settings.clip, None, output_path("index"))
    index = recoverer.open_index(output_path("index"))
    hits, matches = recoverer.look_up(index, image, texts, corpus, settings.lookup)
    query = LookupQuery(
        corpus_sha256=index.record.sha256,
        model=index.record.model,
        neighbours=settings.lookup.neighbours,
        prompts=texts,
        near_duplicate=settings.lookup.near_duplicate,
        copy_pdq=settings.lookup.copy_pdq,
        copy_descriptor=settings.lookup.copy_descriptor,
    )
    with replace_whole(output_path("lookup", target)) as part:
        part.mkdir()
        write_table(part / "matches.parquet", matches, MATCHES)
        query.write(part / "query.json")
        save_match_images(index, hits, corpus.path, part / "images")
