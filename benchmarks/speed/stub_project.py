"""Projects of many targets whose stages have finished: the real pipeline, with stubs for commands.

Stages, dependencies, outputs and parameters are the project's own. Every command is replaced by a
shell script that writes the stage's outputs, a line each, so running a stage costs next to nothing
and what remains is the work of DVC.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import chdir
from hashlib import sha256
from pathlib import Path
from typing import Any

import networkx as nx
import yaml
from dvc.dvcfile import Lockfile
from dvc.repo import Repo
from dvc.stage import PipelineStage

from benchmarks.shared.measurement import ROOT
from seedwitness.config.params import Params
from seedwitness.config.reading import FILE_NAME, load_mapping, validate
from seedwitness.config.target_pipeline import NAME, make_target_pipeline
from seedwitness.config.targets import FOLDER, TargetSettings, image_path, write_target
from seedwitness.runtime.files import write_whole

COPIED = (
    *(".dvc/config", ".dvcignore", ".gitignore", "dvc.yaml", "src"),
    *("data/lab/dvc.yaml", "data/lab/dvc.lock", "data/lab/params.yaml"),
)
"""What a project needs of this one: settings of DVC, stages, code, and the lab's pipeline."""

STUB = """\
# Writes a line to each file that is named: what a stage would compute.
for file in "$@"; do
  mkdir -p "$(dirname "$file")"
  echo "$file" > "$file"
done
"""


class StubProject:
    """A project in ``root`` with numbered targets, two checkpoints each as in the demonstration."""

    def __init__(self, root: Path, targets: int) -> None:
        """Lay the project out, write all outputs, and record them in DVC's lock files and cache."""
        self.root, self.names = root.resolve(), list[str]()
        logging.getLogger("dvc").setLevel(logging.WARNING)  # stdout is for figures alone
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        _copy(root)
        write_whole(root / "stub.sh", STUB)
        self._write_pipelines([f"target-{number:03}" for number in range(targets)])
        self._finish_stages()

    @property
    def checkpoints(self) -> int:
        """How many checkpoints every target is examined on."""
        return len(self._settings["checkpoints"])

    @property
    def _settings(self) -> dict[str, Any]:
        return load_mapping(ROOT / FILE_NAME)

    def count_stages(self) -> int:
        """How many stages DVC looks at."""
        with chdir(self.root), Repo() as repo:
            return len(repo.index.stages)

    def add_target(self) -> None:
        """Add one more target, whose stages have not run."""
        self._write_pipelines([*self.names, f"target-{len(self.names):03}"])

    def _write_pipelines(self, names: list[str]) -> None:
        """Write settings, and images and pipelines of the targets that do not exist yet."""
        targets = {
            name: TargetSettings(
                image=f"{name}.png", pixels_sha256=sha256(name.encode()).hexdigest()
            )
            for name in names
        }
        settings = self._settings
        write_whole(self.root / FILE_NAME, yaml.safe_dump(settings, sort_keys=False))
        params = validate(Params, settings, FILE_NAME)
        pipelines = {
            name: make_target_pipeline(
                name, target, list(params.checkpoints), params.judge.reference
            )
            for name, target in targets.items()
        }
        shared = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
        shared.pop("plots")
        needed = set(_dependencies([shared, *pipelines.values()]))
        _write_stubs(self.root / "dvc.yaml", shared, needed)
        for name in names[len(self.names) :]:
            write_whole(self.root / image_path(name, targets[name]), f"{name}\n")
            write_target(name, targets[name], self.root)
            _write_stubs(self.root / FOLDER / name / NAME, pipelines[name], needed)
        added = [str(image_path(name, targets[name])) for name in names[len(self.names) :]]
        with chdir(self.root), Repo() as repo:
            repo.add(added)
        self.names = names

    def _finish_stages(self) -> None:
        """Write the outputs of every stage in order; record all stages of a lock file at once."""
        # DVC resolves some paths of a stage against the working directory.
        with chdir(self.root), Repo() as repo, repo.lock:
            stages = [
                stage
                for stage in nx.dfs_postorder_nodes(repo.index.graph)
                if isinstance(stage, PipelineStage)  # an added image is done already
                and not stage.wdir.startswith(str(self.root / "data" / "lab"))
            ]
            files = {str(Path(stage.path).relative_to(self.root)) for stage in stages}
            if missing := {f"{FOLDER}/{name}/{NAME}" for name in self.names} - files:
                raise SystemExit(
                    f"DVC does not see {min(missing)}: check that .gitignore leaves it out in the "
                    "way that dulwich reads patterns."
                )
            locks: dict[str, list[PipelineStage]] = {}
            for stage in stages:
                for dependency in stage.deps:
                    _write_placeholder(Path(dependency.fs_path))
                subprocess.run(stage.cmd, shell=True, check=True, cwd=stage.wdir)
                stage.save(run_cache=False)
                stage.commit()
                locks.setdefault(str(Path(stage.path).with_suffix(".lock")), []).append(stage)
            for path, recorded in locks.items():
                Lockfile(repo, path).dump_stages(recorded)


def _copy(root: Path) -> None:
    for name in COPIED:
        source, copy = ROOT / name, root / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, copy)


def _dependencies(pipelines: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The dependencies of all stages."""
    for pipeline in pipelines:
        for stage in pipeline["stages"].values():
            yield from stage.get("do", stage).get("deps", [])


def _write_stubs(path: Path, pipeline: dict[str, Any], needed: set[str]) -> None:
    """Write a pipeline whose commands write their outputs, and the ``needed`` files within them."""
    for stage in pipeline["stages"].values():
        body = stage.get("do", stage)
        outputs = [
            next(iter(out)) if isinstance(out, dict) else out
            for out in (*body.get("outs", []), *body.get("metrics", []))
        ]
        files = [file for output in outputs for file in _files_of(output, needed)]
        body["cmd"] = f"sh stub.sh {' '.join(files)}"
    write_whole(path, yaml.safe_dump(pipeline, sort_keys=False, width=1_000_000))


def _files_of(output: str, needed: set[str]) -> list[str]:
    """The files that make up an output: itself, or where it is a folder, those that are needed."""
    if Path(output).suffix:
        return [output]
    inside = sorted(name for name in needed if name.startswith(f"{output}/"))
    return inside or [f"{output}/contents.txt"]


def _write_placeholder(path: Path) -> None:
    """Make an input that no stage writes: a file, or a folder with a file in it."""
    if not path.exists():
        write_whole(path if path.suffix else path / "contents.txt", f"{os.fspath(path.name)}\n")
