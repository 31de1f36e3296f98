"""Recover the prompts that a target may have been made with: ``data/recover/TARGET/``."""

from __future__ import annotations

from seedwitness import prompts
from seedwitness.config.inputs import ClipSettings, TargetSettings
from seedwitness.config.reading import load_section
from seedwitness.config.steps import RecoverSettings
from seedwitness.prompts.asking import load_recoverer
from seedwitness.records.document import read_document
from seedwitness.records.prompt_recovery import PromptRecovery
from seedwitness.records.tables import PROMPTS, write_table
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.files import replace_whole
from seedwitness.stages import frozen, output_path
from seedwitness.stages._target import picture_of
from seedwitness.statistics.description_length import TEXT_CODE


def run(target: str) -> None:
    """Ask every method of ``recover.methods``; write ``prompts.parquet`` and ``recover.json``."""
    protocol = frozen("recover")
    settings = load_section(RecoverSettings, "recover", path=protocol)
    prompts.check(settings.methods)
    stated = load_section(TargetSettings, "targets", target)
    prepared = output_path("prepare", target)
    claims = read_document(TargetRecord, prepared / "target.json").claims
    image = picture_of(target)
    ask = load_recoverer(
        load_section(ClipSettings, "clip", path=protocol),
        settings,
        output_path("index"),
    )
    table, counts = ask.recover(image, claims, stated.caption)
    info, book = ask.clip.info, ask.phrasebook
    about = PromptRecovery(
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
    with replace_whole(output_path("recover", target)) as part:
        part.mkdir()
        write_table(part / "prompts.parquet", table, PROMPTS)
        about.write(part / "recover.json")
