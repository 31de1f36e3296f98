"""Judge: from scores and controls to the findings for all cases of one target."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seedwitness.config.inputs import EntryName
from seedwitness.config.reading import load_section
from seedwitness.config.steps import PrepareSettings
from seedwitness.config.verdicts import JudgeSettings
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.document import read_document
from seedwitness.records.findings import Attempt, CaseFindings
from seedwitness.records.recipe import digest
from seedwitness.records.search import SearchSummary
from seedwitness.records.seed_scan import SeedScan
from seedwitness.records.tables import CODECS, CONTROL_SCORES, PROMPTS, SCORES, TRIALS, read_table
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.files import replace_whole, sha256_file
from seedwitness.stages import ASKED, PROTOCOL, frozen, output_path

if TYPE_CHECKING:
    from seedwitness.verdict.case_data import CaseData


def run(target: str) -> None:
    """Write ``data/judge/TARGET/CHECKPOINT/finding.json`` for every checkpoint.

    And keep what was asked and answered among all that was ever judged of the picture.
    """
    from seedwitness.verdict.judgement import judge

    protocol = frozen("judge")
    settings = load_section(JudgeSettings, "judge", path=protocol)
    names = load_section(list[EntryName], "checkpoints", path=protocol)
    cases = [_examined(target, name, settings.reference, protocol) for name in names]
    findings = judge(cases, settings)
    with replace_whole(output_path("judge", target)) as part:
        for found in findings:
            (part / found.checkpoint).mkdir(parents=True)
            found.write(part / found.checkpoint / "finding.json")
    _remember(target, cases[0].target.pixels_sha256, findings)


def _remember(target: str, pixels_sha256: str, findings: Sequence[CaseFindings]) -> None:
    """Keep a judgement among those of the same pixels, in the place of an equal question's."""
    recovered = read_table(output_path("recover", target) / "prompts.parquet", PROMPTS)
    asked = Attempt(
        stated=recovered.loc[recovered["source"] == "user", "text"].tolist(),
        checkpoints={each.checkpoint: each.checkpoint_sha256 for each in findings},
        protocol_sha256=sha256_file(PROTOCOL),
        memorised={each.checkpoint: each.memorised.finding for each in findings},
        generated={each.checkpoint: each.generated.finding for each in findings},
    )
    folder = ASKED / pixels_sha256
    folder.mkdir(parents=True, exist_ok=True)
    asked.write(folder / f"{digest(asked.question)[:16]}.json")


def _examined(target: str, checkpoint: str, reference: str, protocol: Path) -> CaseData:
    """What is known of one case."""
    from seedwitness.targets.information import too_flat
    from seedwitness.verdict.case_data import CaseData

    shown = read_document(TargetRecord, output_path("prepare", target) / "target.json")
    scores = output_path("score", target, checkpoint)
    searched = output_path("search", target, checkpoint)
    return CaseData(
        target=shown,
        checkpoint=_identity(checkpoint),
        flat=too_flat(shown.information, load_section(PrepareSettings, "prepare", path=protocol)),
        scores=read_table(scores / "scores.parquet", SCORES),
        reference_scores=read_table(scores / "reference.parquet", SCORES),
        controls=read_table(
            output_path("controls", checkpoint) / "controls.parquet", CONTROL_SCORES
        ),
        known=read_table(output_path("controls", checkpoint) / "known.parquet", CONTROL_SCORES),
        reference=None if checkpoint == reference else _identity(reference),
        search=read_document(SearchSummary, searched / "search.json"),
        prompts=read_table(searched / "prompts.parquet", PROMPTS),
        trials=read_table(searched / "trials.parquet", TRIALS),
        codecs=read_table(scores / "codecs.parquet", CODECS),
        scan=read_document(SeedScan, output_path("scan", target, checkpoint) / "scan.json"),
    )


def _identity(checkpoint: str) -> CheckpointIdentity:
    return read_document(
        CheckpointIdentity, output_path("identify", checkpoint) / "checkpoint.json"
    )
