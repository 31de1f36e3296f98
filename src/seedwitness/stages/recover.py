"""Recover the prompts that a target may have been made with: ``data/recover/TARGET/``."""

from __future__ import annotations

from seedwitness.config.stage_settings import RecoverStage, load_stage_settings
from seedwitness.config.targets import load_target
from seedwitness.prompts.caption import STAND_IN
from seedwitness.prompts.recoverer import load_recoverer
from seedwitness.records.document import read_document
from seedwitness.records.prompt_recovery import PromptRecovery
from seedwitness.records.tables import PROMPTS, write_table
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.files import replace_whole
from seedwitness.stages import output_path
from seedwitness.stages._target_image import load_target_image
from seedwitness.statistics.description_length import TEXT_CODE


def run(target: str) -> None:
    """Run every method of ``recover.methods``; write ``prompts.parquet`` and ``recover.json``."""
    settings = load_stage_settings("recover", RecoverStage)
    caption = load_target(target).caption
    claims = read_document(TargetRecord, output_path("prepare", target) / "target.json").claims
    image = load_target_image(target)
    recoverer = load_recoverer(settings.clip, settings.recover, output_path("index"))
    table, counts = recoverer.recover(image, claims, caption)
    info, book = recoverer.clip.info, recoverer.phrasebook
    recovery = PromptRecovery(
        methods=counts,
        model=info.name,
        model_sha256=info.weights_sha256 or "",
        model_label=info.label,
        token_limit=recoverer.encoder.token_limit,
        vocabulary=recoverer.encoder.vocabulary_size,
        code=TEXT_CODE,
        phrases=book.source if book else "",
        phrases_ranked=len(book.texts) if book else 0,
        phrases_too_long=book.too_long_count if book else 0,
        tables=recoverer.tables.source if recoverer.tables else "",
        captioners=[each.path.name for each in settings.recover.captioners]
        or [STAND_IN] * ("caption" in settings.recover.methods),
        negative_prompt=recoverer.make_negative_prompt(image),
        shortlist=recoverer.list_phrases(image),
        ended_by_time=any(recoverer.ended_by_time),
    )
    with replace_whole(output_path("recover", target)) as part:
        part.mkdir()
        write_table(part / "prompts.parquet", table, PROMPTS)
        recovery.write(part / "recover.json")
