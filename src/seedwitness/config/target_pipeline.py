"""Writes the pipeline file of each target, ``data/targets/TARGET/dvc.yaml``, with params.yaml.

Every target has its own file, because DVC reads and writes the whole lock file of a pipeline after
each stage that it runs: with all stages of 200 targets in one file, one more target would rewrite
some megabytes two dozen times. Stages depend on files rather than on folders wherever their names
are known, because DVC lists and hashes every folder each time it checks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from seedwitness.config.params import Params
from seedwitness.config.targets import FOLDER, TargetSettings, image_path, list_targets
from seedwitness.config.targets import NAME as SETTINGS_NAME
from seedwitness.errors import ConfigError
from seedwitness.records.attempts import ATTEMPTS, OUTCOMES, name_folder
from seedwitness.records.case_sheet import NAME as SHEET_NAME
from seedwitness.runtime.files import write_whole

NAME = "dvc.yaml"
HEADER = """\
# The stages of one target, written by `seedwitness compose`; `dvc repro` in the project's root runs
# the stages of all targets.
"""
ROOT = "../../.."
"""The project's root, seen from a target's folder."""

IN_GIT = {"cache": False, "persist": True}
"""How DVC treats an output that a stage only adds to, and that Git keeps."""

CONTROLS = ("controls.parquet", "learned.parquet")
JUDGED_CONTROLS = (*CONTROLS, "trials.parquet")
REPORTED_CONTROLS = (*CONTROLS, "detectors.parquet", "images", "reach.parquet", "trials.parquet")
SEARCH = ("prompts.parquet", "search.json", "trials.parquet")
SCORES = ("codecs.parquet", "reference.parquet", "scores.parquet")
INDEX_ROWS = ("corpus.json", "rows.parquet")
INDEX = ("corpus.json", "images.faiss", "rows.parquet", "texts.faiss", "vectors")


def write_target_pipelines(params: Params, root: Path = Path()) -> bool:
    """Write the pipeline file of every target, and remove those of targets that are not listed.

    Gives whether anything has changed. Lock files are kept, so no stage reruns for a target that is
    listed again.
    """
    changed = False
    pipelines = dict(_format_pipelines(params, root))
    for path, text in pipelines.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_whole(path, text)
            changed = True
    for path in _list_generated(root):
        if path not in pipelines:
            path.unlink()
            changed = True
    return changed


def check_target_pipelines(params: Params, root: Path = Path()) -> None:
    """Raise ConfigError if a pipeline file is not the one of ``params``.

    DVC composes ``params.yaml`` for `dvc exp run -S`, and does not write the pipelines of targets.
    """
    pipelines = dict(_format_pipelines(params, root))
    for path in _list_generated(root):
        if path.read_text(encoding="utf-8") != pipelines.get(path):
            raise ConfigError(
                f"{path.relative_to(root)} has other stages than params.yaml asks for, because a "
                "checkpoint, the reference, a target or expose.enabled has changed. `seedwitness "
                "compose`, with the same overrides, writes it; `seedwitness run` does so by itself."
            )


def _format_pipelines(params: Params, root: Path) -> Iterator[tuple[Path, str]]:
    """The pipeline file of each target, and what it should hold."""
    checkpoints, reference = list(params.checkpoints), params.judge.reference
    for name, target in list_targets(root).items():
        sheet = root / FOLDER / name / SHEET_NAME
        pipeline = make_target_pipeline(
            name,
            target,
            checkpoints,
            reference,
            has_sheet=sheet.is_file(),
            exposes=params.expose.enabled,
            controls=params.controls.watch,
        )
        yield (
            root / FOLDER / name / NAME,
            HEADER + yaml.safe_dump(pipeline, sort_keys=False, width=100),
        )


def _list_generated(root: Path) -> list[Path]:
    """The pipeline files that ``compose`` wrote."""
    paths = sorted((root / FOLDER).glob(f"*/{NAME}"))
    return [path for path in paths if path.read_text(encoding="utf-8").startswith(HEADER)]


def make_target_pipeline(
    name: str,
    target: TargetSettings,
    checkpoints: Sequence[str],
    reference: str,
    *,
    has_sheet: bool = False,
    exposes: bool = False,
    controls: Path | None = None,
) -> dict[str, Any]:
    """The stages of one target on every checkpoint, in the form of ``dvc.yaml``.

    ``has_sheet`` says whether the target has a cover sheet, which its report shows; ``exposes``
    whether the question *exposed* is examined, with the pictures of the controls below
    ``controls``.
    """
    picture, record = (f"data/prepare/{name}/{file}" for file in ("image.png", "target.json"))
    prompts = f"data/recover/{name}/prompts.parquet"
    settings = f"{FOLDER}/{name}/{SETTINGS_NAME}"
    log = name_folder(target.pixels_sha256)
    entered = f"data/attempt/{name}/entered.json"
    stages: dict[str, Any] = {
        "prepare": _make_stage(
            f"prepare {name}",
            [image_path(name, target).as_posix(), settings],
            [picture, record],
        ),
        "attempt": _make_stage(
            f"attempt {name}",
            ["data/plan/plan.json", record, settings, *map(_identity_path, checkpoints)],
            [entered, {f"{ATTEMPTS}/{log}": IN_GIT}],
        ),
        "recover": _make_stage(
            f"recover {name}",
            [*_join_paths("data/index", INDEX_ROWS), entered, picture, record, settings],
            [prompts, f"data/recover/{name}/recover.json"],
        ),
        "lookup": _make_stage(
            f"lookup {name}",
            [*_join_paths("data/index", INDEX), picture, prompts],
            [f"data/lookup/{name}"],
        ),
    }
    for checkpoint in checkpoints:
        stages |= _make_case_stages(name, checkpoint, reference)
    stages["judge"] = _make_judge_stage(name, log, checkpoints, [record, prompts, settings])
    extra = [f"{FOLDER}/{name}/{SHEET_NAME}"] if has_sheet else []
    if exposes:
        file = image_path(name, target).as_posix()
        read = [file, picture, record, settings, *([controls.as_posix()] if controls else [])]
        stages["expose"] = _make_expose_stage(name, checkpoints, read)
        extra += [f"data/expose/{name}"]
        extra += [f"data/losses/{checkpoint}/losses.parquet" for checkpoint in checkpoints]
    stages["report"] = _make_report_stage(name, log, checkpoints, extra)
    return {"stages": stages}


def list_output_paths(name: str, root: Path = Path()) -> list[Path]:
    """The folders and files that the stages of a target write; the log of attempts is not one."""
    path = root / FOLDER / name / NAME
    if not path.is_file():
        return []
    stages = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"].values()
    outs = [out for stage in stages for out in stage["outs"] if isinstance(out, str)]
    return [root / out for out in outs]


def _make_case_stages(target: str, checkpoint: str, reference: str) -> dict[str, Any]:
    """The stages of one case; they follow `recover`, and so the entry in the log."""
    case = f"{target}/{checkpoint}"
    picture, record = (f"data/prepare/{target}/{file}" for file in ("image.png", "target.json"))
    prompts = f"data/recover/{target}/prompts.parquet"
    matches = f"data/lookup/{target}/matches.parquet"
    phrases = f"data/recover/{target}/recover.json"
    common = [_identity_path(checkpoint), matches, picture, prompts]
    search, replay = f"data/search/{case}", f"data/replay/{case}"
    return {
        f"search-{checkpoint}": _make_stage(
            f"search {target} {checkpoint}",
            [*common, phrases],
            [search, f"data/timings/{case}/timing.json"],
        ),
        f"reach-{checkpoint}": _make_stage(
            f"reach {target} {checkpoint}",
            [*common, f"{FOLDER}/{target}/{SETTINGS_NAME}", *_join_paths(search, SEARCH[:1])],
            [f"data/reach/{case}"],
        ),
        f"scan-{checkpoint}": _make_stage(
            f"scan {target} {checkpoint}", [*common, phrases, record], [f"data/scan/{case}"]
        ),
        f"replay-{checkpoint}": _make_stage(
            f"replay {target} {checkpoint}",
            [_identity_path(reference), picture, f"{search}/trials.parquet"],
            [replay],
        ),
        f"score-{checkpoint}": _make_stage(
            f"score {target} {checkpoint}",
            [_identity_path(checkpoint), _identity_path(reference), picture, replay, search],
            [f"data/score/{case}"],
        ),
    }


def _make_judge_stage(
    target: str, log: str, checkpoints: Sequence[str], common: list[str]
) -> dict[str, Any]:
    """The stage ``judge``: all cases of a target together, as p is adjusted for their number."""
    deps = ["data/plan/plan.json", f"{ATTEMPTS}/{log}", *common]
    for name in checkpoints:
        case = f"{target}/{name}"
        deps += [_identity_path(name), f"data/scan/{case}/scan.json"]
        deps += _join_paths(f"data/controls/{name}", JUDGED_CONTROLS)
        deps += _join_paths(f"data/score/{case}", SCORES)
        deps += _join_paths(f"data/search/{case}", SEARCH)
    findings = [f"data/judge/{target}/{name}/finding.json" for name in checkpoints]
    outs = [f"data/judge/{target}/outcome.json", *findings, {f"{OUTCOMES}/{log}": IN_GIT}]
    return _make_stage(f"judge {target}", deps, outs)


def _make_expose_stage(
    target: str, checkpoints: Sequence[str], common: list[str]
) -> dict[str, Any]:
    """The stage ``expose``: all cases of a target together, as p is adjusted for their number."""
    deps = [*common]
    for name in checkpoints:
        deps += [_identity_path(name), f"data/losses/{name}/losses.parquet"]
        deps += [f"data/scan/{target}/{name}/scan.json"]
    return _make_stage(f"expose {target}", deps, [f"data/expose/{target}"])


def _make_report_stage(
    target: str, log: str, checkpoints: Sequence[str], extra: Sequence[str]
) -> dict[str, Any]:
    deps = [*extra, "data/index/corpus.json", "data/plan/plan.json", "data/plans"]
    deps += [f"{ATTEMPTS}/{log}", f"{OUTCOMES}/{log}", f"data/judge/{target}/outcome.json"]
    deps += [f"data/{stage}/{target}" for stage in ("lookup", "reach", "scan", "score")]
    deps += _join_paths(f"data/prepare/{target}", ("image.png", "target.json"))
    deps += _join_paths(f"data/recover/{target}", ("prompts.parquet", "recover.json"))
    for name in checkpoints:
        case = f"{target}/{name}"
        deps += [_identity_path(name), f"data/judge/{case}/finding.json"]
        deps += _join_paths(f"data/replay/{case}", ("replay.json", "trials.parquet"))
        deps += _join_paths(f"data/controls/{name}", REPORTED_CONTROLS)
        deps += _join_paths(f"data/search/{case}", SEARCH)
    return _make_stage(f"report {target}", deps, [f"reports/{target}"])


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
