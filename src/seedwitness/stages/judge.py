"""Judge: from scores and controls to a finding for one case."""

from __future__ import annotations

from pathlib import Path

from seedwitness import config, records
from seedwitness.stages import frozen, place


def run(target: str, checkpoint: str) -> None:
    """Write ``data/judge/TARGET/CHECKPOINT/finding.json``."""
    from seedwitness.evidence.judging import Examined, judge
    from seedwitness.targets.information import too_flat

    protocol = frozen("judge")
    settings = config.section(config.Judge, "judge", path=protocol)
    shown = records.read(records.Target, place("prepare", target) / "target.json")
    scores = place("score", target, checkpoint)
    itself = checkpoint == settings.reference
    case = Examined(
        target=shown,
        checkpoint=_identity(checkpoint),
        flat=too_flat(shown.information, config.section(config.Prepare, "prepare", path=protocol)),
        scores=records.read_table(scores / "scores.parquet", records.SCORES),
        reference_scores=records.read_table(scores / "reference.parquet", records.SCORES),
        controls=records.read_table(
            place("controls", checkpoint) / "controls.parquet", records.CONTROLS
        ),
        reference=None if itself else _identity(settings.reference),
        search=records.read(records.Search, place("search", target, checkpoint) / "search.json"),
        prompt_bits=_shortest(place("search", target, checkpoint)),
        scan=records.read(records.Scan, place("scan", target, checkpoint) / "scan.json"),
    )
    judge(case, settings).write(place("judge", target, checkpoint) / "finding.json")


def _identity(checkpoint: str) -> records.Checkpoint:
    return records.read(records.Checkpoint, place("identify", checkpoint) / "checkpoint.json")


def _shortest(search: Path) -> float | None:
    """Bits of the prompt of the closest trial by the guide."""
    found = records.read_table(search / "prompts.parquet", records.PROMPTS)
    best = records.read(records.Search, search / "search.json").best_trial
    trials = records.read_table(search / "trials.parquet", records.TRIALS)
    rank = trials.loc[trials["trial"] == best, "prompt_rank"]
    bits = found.loc[found["rank"].isin(rank), "bits"]
    return None if bits.empty else float(bits.iloc[0])
