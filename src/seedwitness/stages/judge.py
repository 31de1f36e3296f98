"""Judge: from scores and controls to the findings for all cases of one target."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seedwitness import config, records
from seedwitness.runtime.files import replacing, sha256_file
from seedwitness.stages import ASKED, PROTOCOL, frozen, place

if TYPE_CHECKING:
    from seedwitness.verdict.case_data import Examined


def run(target: str) -> None:
    """Write ``data/judge/TARGET/CHECKPOINT/finding.json`` for every checkpoint.

    And keep what was asked and answered among all that was ever judged of the picture.
    """
    from seedwitness.verdict.judgement import judge

    protocol = frozen("judge")
    settings = config.section(config.Judge, "judge", path=protocol)
    names = config.section(list[config.Name], "checkpoints", path=protocol)
    cases = [_examined(target, name, settings.reference, protocol) for name in names]
    findings = judge(cases, settings)
    with replacing(place("judge", target)) as part:
        for found in findings:
            (part / found.checkpoint).mkdir(parents=True)
            found.write(part / found.checkpoint / "finding.json")
    _remember(target, cases[0].target.pixels_sha256, findings)


def _remember(target: str, pixels_sha256: str, findings: Sequence[records.Case]) -> None:
    """Keep a judgement among those of the same pixels, in the place of an equal question's."""
    recovered = records.read_table(place("recover", target) / "prompts.parquet", records.PROMPTS)
    asked = records.Asked(
        stated=recovered.loc[recovered["source"] == "user", "text"].tolist(),
        checkpoints={each.checkpoint: each.checkpoint_sha256 for each in findings},
        protocol_sha256=sha256_file(PROTOCOL),
        memorised={each.checkpoint: each.memorised.finding for each in findings},
        generated={each.checkpoint: each.generated.finding for each in findings},
    )
    folder = ASKED / pixels_sha256
    folder.mkdir(parents=True, exist_ok=True)
    asked.write(folder / f"{records.digest(asked.question)[:16]}.json")


def _examined(target: str, checkpoint: str, reference: str, protocol: Path) -> Examined:
    """What is known of one case."""
    from seedwitness.targets.information import too_flat
    from seedwitness.verdict.case_data import Examined

    shown = records.read(records.Target, place("prepare", target) / "target.json")
    scores = place("score", target, checkpoint)
    searched = place("search", target, checkpoint)
    return Examined(
        target=shown,
        checkpoint=_identity(checkpoint),
        flat=too_flat(shown.information, config.section(config.Prepare, "prepare", path=protocol)),
        scores=records.read_table(scores / "scores.parquet", records.SCORES),
        reference_scores=records.read_table(scores / "reference.parquet", records.SCORES),
        controls=records.read_table(
            place("controls", checkpoint) / "controls.parquet", records.CONTROLS
        ),
        known=records.read_table(place("controls", checkpoint) / "known.parquet", records.CONTROLS),
        reference=None if checkpoint == reference else _identity(reference),
        search=records.read(records.Search, searched / "search.json"),
        prompts=records.read_table(searched / "prompts.parquet", records.PROMPTS),
        trials=records.read_table(searched / "trials.parquet", records.TRIALS),
        codecs=records.read_table(scores / "codecs.parquet", records.CODECS),
        scan=records.read(records.Scan, place("scan", target, checkpoint) / "scan.json"),
    )


def _identity(checkpoint: str) -> records.Checkpoint:
    return records.read(records.Checkpoint, place("identify", checkpoint) / "checkpoint.json")
