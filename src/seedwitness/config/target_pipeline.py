"""Writes the pipeline file of each target, ``data/targets/TARGET/dvc.yaml``, with params.yaml.

Every target has its own file, because DVC reads and writes the whole lock file of a pipeline after
each stage that it runs: with all stages of 200 targets in one file, one more target would rewrite
some megabytes two dozen times. Stages depend on files rather than on folders wherever their names
are known, because DVC lists and hashes every folder each time it checks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from seedwitness.config.params import Params
from seedwitness.runtime.files import write_whole

FOLDER = Path("data/targets")
NAME = "dvc.yaml"
HEADER = """\
# The stages of one target, written by `seedwitness compose`; `dvc repro` in the project's root runs
# the stages of all targets.
"""
ROOT = "../../.."
"""The project's root, seen from a target's folder."""

CONTROLS = ("controls.parquet", "learned.parquet")
REPORTED_CONTROLS = (*CONTROLS, "detectors.parquet", "reach.parquet")
SEARCH = ("prompts.parquet", "search.json", "trials.parquet")
SCORES = ("codecs.parquet", "reference.parquet", "scores.parquet")
INDEX_ROWS = ("corpus.json", "rows.parquet")
INDEX = ("corpus.json", "images.faiss", "rows.parquet", "texts.faiss")


def write_target_pipelines(params: Params, root: Path = Path()) -> bool:
    """Write the pipeline file of every target, and remove those of targets that are not listed.

    Gives whether anything has changed. Lock files are kept, so no stage reruns for a target that is
    listed again.
    """
    changed = False
    for name, target in params.targets.items():
        path = root / FOLDER / name / NAME
        pipeline = make_target_pipeline(
            name, target.path, list(params.checkpoints), params.judge.reference
        )
        text = HEADER + yaml.safe_dump(pipeline, sort_keys=False, width=100)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_whole(path, text)
            changed = True
    for path in sorted((root / FOLDER).glob(f"*/{NAME}")):
        is_generated = path.read_text(encoding="utf-8").startswith(HEADER)
        if is_generated and path.parent.name not in params.targets:
            path.unlink()
            changed = True
    return changed


def make_target_pipeline(
    target: str, image: Path, checkpoints: Sequence[str], reference: str
) -> dict[str, Any]:
    """The stages of one target on every checkpoint, in the form of ``dvc.yaml``."""
    picture, record = (f"data/prepare/{target}/{name}" for name in ("image.png", "target.json"))
    prompts = f"data/recover/{target}/prompts.parquet"
    settings = f"data/plan/targets/{target}.json"
    stages: dict[str, Any] = {
        "prepare": _make_stage(
            f"prepare {target}",
            [image.as_posix(), settings],
            [picture, record],
        ),
        "recover": _make_stage(
            f"recover {target}",
            [*_join_paths("data/index", INDEX_ROWS), picture, record, settings],
            [prompts, f"data/recover/{target}/recover.json"],
        ),
        "lookup": _make_stage(
            f"lookup {target}",
            [*_join_paths("data/index", INDEX), picture, prompts],
            [f"data/lookup/{target}"],
        ),
    }
    matches = f"data/lookup/{target}/matches.parquet"
    for name in checkpoints:
        case = f"{target}/{name}"
        common = [_identity_path(name), matches, picture, prompts]
        search, replay = f"data/search/{case}", f"data/replay/{case}"
        stages[f"search-{name}"] = _make_stage(
            f"search {target} {name}", common, [search, f"data/timings/{case}/timing.json"]
        )
        stages[f"reach-{name}"] = _make_stage(
            f"reach {target} {name}", common, [f"data/reach/{case}"]
        )
        stages[f"scan-{name}"] = _make_stage(
            f"scan {target} {name}", [*common, record], [f"data/scan/{case}"]
        )
        stages[f"replay-{name}"] = _make_stage(
            f"replay {target} {name}",
            [_identity_path(reference), picture, f"{search}/trials.parquet"],
            [replay],
        )
        stages[f"score-{name}"] = _make_stage(
            f"score {target} {name}",
            [_identity_path(name), _identity_path(reference), picture, replay, search],
            [f"data/score/{case}"],
        )
    stages["judge"] = _make_judge_stage(target, checkpoints, [record, prompts])
    stages["report"] = _make_report_stage(target, checkpoints)
    return {"stages": stages}


def _make_judge_stage(target: str, checkpoints: Sequence[str], common: list[str]) -> dict[str, Any]:
    """The stage ``judge``: all cases of a target together, as p is adjusted for their number."""
    deps = ["data/plan/plan.json", *common]
    for name in checkpoints:
        case = f"{target}/{name}"
        deps += [_identity_path(name), f"data/scan/{case}/scan.json"]
        deps += _join_paths(f"data/controls/{name}", CONTROLS)
        deps += _join_paths(f"data/score/{case}", SCORES)
        deps += _join_paths(f"data/search/{case}", SEARCH)
    findings = [f"data/judge/{target}/{name}/finding.json" for name in checkpoints]
    return _make_stage(f"judge {target}", deps, [f"data/judge/{target}/attempt.json", *findings])


def _make_report_stage(target: str, checkpoints: Sequence[str]) -> dict[str, Any]:
    deps = ["data/index/corpus.json", "data/plan/plan.json", "data/plans"]
    deps += [f"data/attempts/{target}.json"]
    deps += [f"data/{stage}/{target}" for stage in ("lookup", "reach", "scan", "score")]
    deps += _join_paths(f"data/prepare/{target}", ("image.png", "target.json"))
    deps += _join_paths(f"data/recover/{target}", ("prompts.parquet", "recover.json"))
    for name in checkpoints:
        case = f"{target}/{name}"
        deps += [_identity_path(name), f"data/judge/{case}/finding.json"]
        deps += [f"data/replay/{case}/replay.json"]
        deps += _join_paths(f"data/controls/{name}", REPORTED_CONTROLS)
        deps += _join_paths(f"data/search/{case}", SEARCH)
    return _make_stage(f"report {target}", deps, [{f"reports/{target}": {"cache": False}}])


def _make_stage(command: str, deps: Iterable[str], outs: Sequence[Any]) -> dict[str, Any]:
    """A stage that depends on ``deps`` and on its settings in the plan, as paths from the root."""
    plan = f"data/plan/{command.partition(' ')[0]}.json"
    return {
        "wdir": ROOT,
        "cmd": f"seedwitness stage {command}",
        "deps": sorted({plan, *deps}),
        "outs": list(outs),
    }


def _identity_path(checkpoint: str) -> str:
    return f"data/identify/{checkpoint}/checkpoint.json"


def _join_paths(folder: str, names: Iterable[str]) -> list[str]:
    return [f"{folder}/{name}" for name in names]
