"""What could make findings differ: settings, data, code and environment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from typing import Any

from seedwitness.compare.cases import MatchedTarget
from seedwitness.compare.documents import Difference, Differences, StageCode
from seedwitness.compare.results import compare_results
from seedwitness.compare.sides import Side
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.report.evidence import CaseEvidence, Evidence
from seedwitness.runtime.nested import list_entries

Values = Mapping[str, str]
Plan = Mapping[str, Any]

STATED = "user"
"""The method of a prompt that somebody states, which is an input and no result."""


def find_differences(sides: Sequence[Side], targets: Sequence[MatchedTarget]) -> Differences:
    """Everything that differs between the sides besides the figures.

    Checkpoints of one state have the same settings, code and environment, so only what is
    particular to each is compared.
    """
    if sides[0].checkpoint is not None:
        return Differences(
            settings=_compare_sides([_read_checkpoint_settings(side) for side in sides]),
            data=_compare_sides([_read_identity(side) for side in sides]),
            code=[],
            environment=[],
            results=[],
        )
    evidence = {
        target.name: [
            side.evidence[name] if name else None
            for side, name in zip(sides, target.names, strict=True)
        ]
        for target in targets
    }
    plans = _read_plans(sides, targets)
    settings = {name: [_select_settings(plan) for plan in row] for name, row in plans.items()}
    data = {name: _describe_data(evidence[name], row) for name, row in plans.items()}
    environments = {
        name: [flatten(document.environment.model_dump()) if document else None for document in row]
        for name, row in evidence.items()
    }
    planned = group_differences(settings)
    return Differences(
        settings=[*planned, *_compare_params(sides, settings)],
        data=group_differences(data),
        code=_compare_code(sides),
        environment=group_differences(environments),
        results=compare_results(evidence),
    )


def flatten(value: Any, name: str = "") -> dict[str, str]:
    """Every entry of nested mappings by its dotted name, its value as JSON; a list is one entry."""
    return {
        key: json.dumps(inner, ensure_ascii=False, sort_keys=True)
        for key, inner in list_entries(value, name)
    }


def group_differences(rows: Mapping[str, Sequence[Values | None]]) -> list[Difference]:
    """The values that differ between the sides of a target; equal ones of many targets are one.

    ``rows`` has the values of each side by target, None where a side does not have the target.
    """
    targets: dict[tuple[str, tuple[str | None, ...]], list[str]] = {}
    for target, sides in rows.items():
        present = [values for values in sides if values is not None]
        for name in dict.fromkeys(key for values in present for key in values):
            if len({values.get(name) for values in present}) > 1:
                row = tuple(None if values is None else values.get(name) for values in sides)
                targets.setdefault((name, row), []).append(target)
    return [
        Difference(name=name, values=list(row), targets=found)
        for (name, row), found in sorted(targets.items(), key=lambda item: item[0][0])
    ]


def _compare_sides(sides: Sequence[Values]) -> list[Difference]:
    """The values of whole sides that differ."""
    found = group_differences({"": sides})
    return [each.model_copy(update={"targets": []}) for each in found]


def _read_plans(
    sides: Sequence[Side], targets: Sequence[MatchedTarget]
) -> dict[str, list[Plan | None]]:
    """The plan of each target on each side; where any is missing, what the evidence says of all."""
    plans: dict[tuple[str, str], Plan | None] = {}
    for target in targets:
        for side, name in zip(sides, target.names, strict=True):
            if name and (side.name, side.evidence[name].plan.sha256) not in plans:
                plans[side.name, side.evidence[name].plan.sha256] = side.read_plan(name)

    def find_plan(side: Side, name: str) -> Plan | None:
        stated = side.evidence[name].plan
        return (
            plans[side.name, stated.sha256]
            if all(plans.values())
            else stated.model_dump(mode="json")
        )

    return {
        target.name: [
            find_plan(side, name) if name else None
            for side, name in zip(sides, target.names, strict=True)
        ]
        for target in targets
    }


def _select_settings(plan: Plan | None) -> Values | None:
    left_out = ("materials", "checkpoints", "sha256", "others")
    return plan and flatten({key: value for key, value in plan.items() if key not in left_out})


def _select_materials(plan: Plan | None) -> Values:
    return flatten(plan["materials"], "materials") if plan and "materials" in plan else {}


def _compare_params(
    sides: Sequence[Side], planned: Mapping[str, Sequence[Values | None]]
) -> list[Difference]:
    """The settings of ``params.yaml`` that no plan holds; none where a side lacks the file."""
    params = [side.read_params() for side in sides]
    if any(each is None for each in params):
        return []
    known = {name for row in planned.values() for values in row for name in values or ()}
    return _compare_sides(
        [
            {name: value for name, value in flatten(each).items() if name not in known}
            for each in params
        ]
    )


def _describe_data(
    evidence: Sequence[Evidence | None], plans: Sequence[Plan | None]
) -> list[Values | None]:
    """The inputs of a target on each side; of checkpoints those that all of the sides have."""
    known = [{case.checkpoint for case in each.cases} for each in evidence if each]
    shared = set.intersection(*known)
    return [
        {**_describe_inputs(document, shared), **_select_materials(plan)} if document else None
        for document, plan in zip(evidence, plans, strict=True)
    ]


def _describe_inputs(evidence: Evidence, checkpoints: Set[str]) -> Values:
    """What was examined, of which checkpoints, with which stated prompts, against which corpus."""
    target, corpus = evidence.target, evidence.lookup.corpus
    inputs: dict[str, Any] = {
        "target": {"pixels_sha256": target.pixels_sha256, "file_sha256": target.file_sha256},
        "stated_prompts": [each.text for each in evidence.prompts if each.method == STATED],
        "corpus": {
            "sha256": corpus.sha256,
            "rows": corpus.rows,
            "model": corpus.model,
            "model_sha256": corpus.model_sha256,
        },
        "checkpoints": {
            case.checkpoint: _describe_identity(case.identity)
            for case in evidence.cases
            if case.checkpoint in checkpoints
        },
    }
    return flatten(inputs)


def _describe_identity(identity: CheckpointIdentity) -> dict[str, Any]:
    components = {each.name: each.model_dump(exclude={"name"}) for each in identity.components}
    return {**identity.model_dump(exclude={"name", "components"}), "components": components}


def _read_identity(side: Side) -> Values:
    """The identity of the checkpoint that a side is."""
    cases: list[CaseEvidence] = [
        case for name in side.evidence for case in side.cases(name).values()
    ]
    return flatten(_describe_identity(cases[0].identity))


def _read_checkpoint_settings(side: Side) -> Values:
    """The settings of the checkpoint that a side is."""
    settings = (side.read_params() or {}).get("checkpoints", {}).get(side.checkpoint, {})
    return flatten({"checkpoint": settings})


def _compare_code(sides: Sequence[Side]) -> list[StageCode]:
    """The files that differ in what a stage runs; none where a side has no hashes of code."""
    codes = [side.read_code() for side in sides]
    if not all(codes):
        return []
    stages = [
        StageCode(stage=stage, files=_compare_sides([code.get(stage, {}) for code in codes]))
        for stage in sorted(set().union(*codes))
    ]
    return [each for each in stages if each.files]
