"""A finished project of invented targets with what a bundle takes: lock files, latents, trials."""

from __future__ import annotations

from contextlib import chdir
from copy import deepcopy
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dvc.repo  # noqa: F401  # its log writes to what is the output when it is first imported
import numpy as np
import yaml
from dvc_data.hashfile.build import build
from dvc_data.hashfile.db import HashFileDB
from dvc_objects.fs.local import LocalFileSystem
from finished_reports import write_finished_project
from invented import CHECKPOINTS
from safetensors.numpy import save_file
from typer.testing import CliRunner, Result

from seedwitness.bundle.record import CheckpointHashes
from seedwitness.bundle.weights import describe_checkpoint
from seedwitness.cli import app
from seedwitness.config.target_pipeline import make_target_pipeline
from seedwitness.config.targets import TargetSettings, write_target
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.document import read_document
from seedwitness.records.recipe import Recipe
from seedwitness.records.tables import (
    CONTROL_SCORES,
    CONTROL_TRIALS,
    TRIALS,
    read_table,
    write_table,
)
from seedwitness.records.target import TargetRecord
from seedwitness.stages import report

ROOT = Path(__file__).parents[2]
PASS_PHRASE = "correct horse battery"
SHAPE = (4, 8, 8)
TARGET = "owl"
SHARED = {
    "identify": "data/identify/{}/checkpoint.json",
    "controls": "data/controls/{}/controls.parquet",
}


def write_project(root: Path, **sections: Any) -> None:
    """A project with a report of ``owl`` below ``root``; ``sections`` change its settings."""
    # The invented record has no busy tiles, which its findings disregard.
    sections = {"prepare": {"min_busy_tiles": 0.0}, **sections}
    write_finished_project(root, [TARGET], **sections)
    with chdir(root):
        record = read_document(TargetRecord, Path(f"data/prepare/{TARGET}/target.json"))
        settings = TargetSettings(image="owl.png", pixels_sha256=record.pixels_sha256)
        write_target(TARGET, settings)
        (Path("data/targets") / TARGET / "owl.png").write_bytes(
            Path(f"data/prepare/{TARGET}/image.png").read_bytes()
        )
        for name in CHECKPOINTS:
            _add_latents(name)
            _add_control_trials(name)
        report.run(TARGET)
        _write_locks(settings)


def call(root: Path, *arguments: object, code: int | None = 0, **variables: str) -> Result:
    """Call `seedwitness` in ``root``; the pass phrase is in the environment."""
    environment = {"SEEDWITNESS_PASSPHRASE": PASS_PHRASE, "HOME": str(root), **variables}
    with chdir(root):
        result = CliRunner().invoke(app, [*map(str, arguments)], env=environment)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert code is None or result.exit_code == code, result.output
    return result


def describe_checkpoints(root: Path) -> list[tuple[CheckpointHashes, dict[str, Path]]]:
    """The checkpoints by the hashes that were recorded; their weights are invented."""
    paths = (root / f"data/identify/{name}/checkpoint.json" for name in sorted(CHECKPOINTS))
    return [describe_checkpoint(read_document(CheckpointIdentity, path), None) for path in paths]


def _add_latents(checkpoint: str) -> None:
    """Latents of every trial, with their hashes in the table of trials."""
    folder = Path("data/search") / TARGET / checkpoint
    trials = read_table(folder / "trials.parquet", TRIALS)
    latents = np.random.default_rng(0).normal(size=(len(trials), *SHAPE)).astype(np.float32)
    save_file({"latents": latents}, folder / "latents-00000.safetensors")
    trials["latent_sha256"] = [sha256(each.tobytes()).hexdigest() for each in latents]
    write_table(folder / "trials.parquet", trials, TRIALS)


def _add_control_trials(checkpoint: str) -> None:
    """The recipe of every trial of a control."""
    folder = Path("data/controls") / checkpoint
    scores = read_table(folder / "controls.parquet", CONTROL_SCORES)
    rows = []
    for (control, trial), group in scores.groupby(["control", "trial"], sort=False):
        recipe = Recipe("=a heron", len(rows), 128, 128, "ddim", 12, 3.0)
        rows.append(
            {
                "control": control,
                "pixels_sha256": group["pixels_sha256"].iloc[0],
                "use": "control",
                "trial": trial,
                "parent": "",
                "strategy": "sweep",
                "prompt_rank": 1,
                "prompt_source": "corpus",
                **asdict(recipe),
                "nfe": recipe.nfe,
                "noise_sha256": f"{len(rows):064x}",
                "latent_sha256": f"{len(rows) + 9999:064x}",
                "latent_distance": 0.5,
                "shard": "",
                "row": 0,
            }
        )
    write_table(folder / "trials.parquet", rows, CONTROL_TRIALS)


def _write_locks(settings: TargetSettings) -> None:
    """Lock files as `dvc repro` writes them, with DVC's own hashes, of the files that are here."""
    shared = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    Path("dvc.yaml").write_text(yaml.safe_dump(shared, sort_keys=False))
    stages = {
        f"{stage}@{name}": {
            "cmd": f"seedwitness stage {stage} {name}",
            "deps": [f"data/plan/{stage}.json"],
            "outs": [path.format(name)],
        }
        for stage, path in SHARED.items()
        for name in CHECKPOINTS
    }
    stages["plan"] = {"cmd": "seedwitness stage plan", "deps": [], "outs": ["data/plan"]}
    _write_lock(Path("dvc.lock"), stages, {"search": {"steps": 12}})
    pipeline = make_target_pipeline(TARGET, settings, CHECKPOINTS, "clean")
    folder = Path("data/targets") / TARGET
    (folder / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False))
    _write_lock(folder / "dvc.lock", pipeline["stages"], {})


def _write_lock(path: Path, stages: dict[str, Any], params: dict[str, Any]) -> None:
    locked = {}
    for name, stage in stages.items():
        outs = [each if isinstance(each, str) else next(iter(each)) for each in stage["outs"]]
        locked[name] = {
            "cmd": stage["cmd"],
            "deps": [_describe(each) for each in stage["deps"] if Path(each).exists()],
            **({"params": {"params.yaml": deepcopy(params)}} if params else {}),
            "outs": [_describe(each) for each in outs if Path(each).exists()],
        }
    path.write_text(yaml.safe_dump({"schema": "2.0", "stages": locked}, sort_keys=False))


def _describe(path: str) -> dict[str, Any]:
    return {"path": path, "hash": "md5", "md5": hash_by_dvc(Path(path))}


def hash_by_dvc(path: Path) -> str:
    """DVC's hash of a file or folder, by DVC."""
    with TemporaryDirectory() as cache:
        system = LocalFileSystem()
        _, _, found = build(
            HashFileDB(system, cache), str(path.resolve()), system, "md5", dry_run=True
        )
        return str(found.hash_info.value)
