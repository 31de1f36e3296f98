"""Recover the prompts that a target may have been made with: ``data/recover/TARGET/``."""

from __future__ import annotations

from seedwitness import config, prompts
from seedwitness.prompts.asking import asker
from seedwitness.records import PROMPTS, Recovery, Target, read, write_table
from seedwitness.runtime.files import replacing
from seedwitness.stages import frozen, place
from seedwitness.stages._target import picture_of
from seedwitness.statistics.description_length import TEXT_CODE


def run(target: str) -> None:
    """Ask every method of ``recover.methods``; write ``prompts.parquet`` and ``recover.json``."""
    protocol = frozen("recover")
    settings = config.section(config.Recover, "recover", path=protocol)
    prompts.check(settings.methods)
    stated = config.section(config.Target, "targets", target)
    prepared = place("prepare", target)
    claims = read(Target, prepared / "target.json").claims
    image = picture_of(target)
    ask = asker(config.section(config.Clip, "clip", path=protocol), settings, place("index"))
    table, counts = ask.recover(image, claims, stated.caption)
    info, book = ask.clip.info, ask.phrasebook
    about = Recovery(
        methods=counts,
        model=info.name,
        model_sha256=info.weights_sha256 or "",
        model_label=info.label,
        token_limit=ask.encoder.limit,
        vocabulary=ask.encoder.vocabulary,
        code=TEXT_CODE,
        phrases=book.source if book else "",
        phrases_ranked=len(book.texts) if book else 0,
        phrases_too_long=book.too_long if book else 0,
    )
    with replacing(place("recover", target)) as part:
        part.mkdir()
        write_table(part / "prompts.parquet", table, PROMPTS)
        about.write(part / "recover.json")
