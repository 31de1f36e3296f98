"""What the plan, and the caption of a target, ask of its image."""

from __future__ import annotations

from seedwitness.config.stage_settings import AttemptStage, load_stage_settings
from seedwitness.config.targets import load_target
from seedwitness.records.attempts import Question
from seedwitness.records.document import read_document
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.hashes import sha256_file
from seedwitness.stages import output_path
from seedwitness.stages._identity import load_identity


def make_question(target: str) -> Question:
    """The question of a target, by its files and the analysis plan."""
    record = read_document(TargetRecord, output_path("prepare", target) / "target.json")
    caption = load_target(target).caption
    checkpoints = load_stage_settings("attempt", AttemptStage).checkpoints
    return Question(
        pixels_sha256=record.pixels_sha256,
        stated_prompts=[] if caption is None else [caption],
        checkpoints={name: load_identity(name).sha256 for name in checkpoints},
        plan_sha256=sha256_file(output_path("plan") / "plan.json"),
    )
