"""Where results begin to differ: the files that reports rest on, compared by their hashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seedwitness.compare.documents import StageResults
from seedwitness.report.evidence import Evidence

STAGES = (
    *("identify", "index", "controls", "losses", "prepare", "recover", "lookup"),
    *("search", "scan", "reach", "replay", "score", "judge", "expose"),
)
"""The stages whose files a report rests on, in the order of the pipeline."""

SHARED = ("identify", "index", "controls", "losses")
"""The stages that run for all targets together."""

Hashes = dict[str, str]


def compare_results(evidence: Mapping[str, Sequence[Evidence | None]]) -> list[StageResults]:
    """How many files of each stage differ, over the targets that at least two sides have.

    A file that one side lacks differs.
    """
    rows: dict[str, dict[str, list[Hashes]]] = {stage: {} for stage in STAGES}
    for target, sides in evidence.items():
        if sum(document is not None for document in sides) < 2:
            continue
        for number, document in enumerate(sides):
            for stage, hashes in _group_by_stage(document).items():
                key = "" if stage in SHARED else target
                columns = rows[stage].setdefault(key, [{} for _ in sides])
                columns[number] |= hashes
    return [_count(stage, found) for stage, found in rows.items() if any(map(any, found.values()))]


def _group_by_stage(evidence: Evidence | None) -> dict[str, Hashes]:
    """The hashes of the inputs by stage; a path begins below the folder of the target."""
    groups: dict[str, Hashes] = {stage: {} for stage in STAGES}
    for file in evidence.inputs if evidence else ():
        stage, _, rest = file.path.removeprefix("data/").partition("/")
        if evidence and stage in groups:
            groups[stage][rest.removeprefix(f"{evidence.target.name}/")] = file.sha256
    return groups


def _count(stage: str, rows: Mapping[str, Sequence[Hashes]]) -> StageResults:
    files, differing, targets = 0, 0, []
    for target, sides in rows.items():
        present = [hashes for hashes in sides if hashes]
        names = {name for hashes in present for name in hashes}
        changed = [name for name in names if len({hashes.get(name) for hashes in present}) > 1]
        files, differing = files + len(names), differing + len(changed)
        targets += [target] if changed and target else []
    return StageResults(stage=stage, files=files, differing=differing, targets=targets)
