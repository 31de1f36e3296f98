"""A series of kills: projects that are run, killed and run again until they are complete."""

from __future__ import annotations

import random
import shutil
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from benchmarks.interruptions.killing import WAYS, Moment, RunResult, run_until
from seedwitness.commands.repair import is_whole, list_lock_files

LOG = ("data/attempts", "data/outcomes", "data/plans")
NO_RESULTS = ("data/targets", "data/timings")
"""Folders of a project's data that hold inputs, or seconds."""
LATENTS = ".ledger"
BEFORE = "before the first stage"
PUBLISHED = """
    select distinct c.value, k.value from runs r
    join tags c on c.run_uuid = r.run_uuid and c.key = 'seedwitness.content'
    join tags k on k.run_uuid = r.run_uuid and k.key = 'seedwitness.kind'
    where r.status = 'FINISHED' order by 1
"""


@dataclass(frozen=True)
class Kill:
    """One kill: how, after how many seconds, in or after which stage, and what was cut."""

    way: str
    seconds: float
    """From the start of the run to its end."""
    stage: str
    cut: list[str]
    """Lock files of DVC that could not be read afterwards."""
    signals: int
    """How often it was sent or typed, until the run ended."""


@dataclass
class Series:
    """What came of a series of kills."""

    kills: list[Kill] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """The end of what a run printed that failed by itself; none if every run went on."""
    projects: int = 0
    differing: list[str] = field(default_factory=list)
    """Results that are not byte for byte those of the undisturbed run."""
    begun_stages: int = 0
    stages: int = 0
    """How many stages the projects have, and so the fewest that could begin."""
    repeated_stages: list[str] = field(default_factory=list)
    """Finished stages that began again."""
    latent_files: int = 0
    repeated_latents: list[str] = field(default_factory=list)
    """Files of the latent cache that were there before a kill and written again after it."""


def run_series(
    pristine: Path,
    undisturbed: Path,
    folder: Path,
    environment: Mapping[str, str],
    kills: int,
    longest: float,
    seed: int = 0,
) -> Series:
    """Kill runs of copies of ``pristine`` until ``kills`` have happened, each copy to its end.

    ``undisturbed`` is the same project after one run; its log of attempts is given to each copy,
    since an entry holds the time. Four of five runs are killed 0 to ``longest`` seconds after their
    first stage began, the others so long after their own start.
    """
    generator = random.Random(seed)
    series = Series()
    expected, published = read_results(undisturbed), read_published(undisturbed)
    ways: list[str] = []
    while len(series.kills) < kills and not series.failures:
        root = folder / f"project-{series.projects}"
        shutil.copytree(pristine, root, symlinks=True)
        shutil.copytree(undisturbed / LOG[0], root / LOG[0], dirs_exist_ok=True)
        series.projects += 1
        project = _Project(root, series)
        is_complete = False
        while not is_complete and not series.failures:
            ways = ways or generator.sample([*WAYS], len(WAYS))
            way = ways.pop()
            moment = Moment(generator.uniform(0, longest), generator.random() < 0.8)
            is_complete = project.run(
                environment, way, moment if len(series.kills) < kills else None
            )
        if is_complete:
            results = read_results(root)
            series.differing += [
                name for name in expected | results if expected.get(name) != results.get(name)
            ]
            series.differing += [] if read_published(root) == published else ["the MLflow store"]
            series.stages += len(list_finished(root))
            series.latent_files += len(_list_latents(root))
            shutil.rmtree(root)
    return series


class _Project:
    """A project that is run and killed, and what it had finished before."""

    def __init__(self, root: Path, series: Series) -> None:
        self._root, self._series = root, series
        self._finished: set[str] = set()
        self._latents: dict[str, tuple[int, int]] = {}

    def run(self, environment: Mapping[str, str], way: str, moment: Moment | None) -> bool:
        """Run once, and kill; gives whether the run came to its end."""
        result = run_until(self._root, environment, way, moment)
        self._compare(result)
        if not result.kills:
            if result.code:
                self._series.failures.append(result.output[-4000:])
            return result.code == 0
        stage = (result.stages or [BEFORE])[-1]
        seconds = round(result.seconds, 2)
        self._series.kills.append(Kill(way, seconds, stage, self._find_cut(), result.kills))
        sys.stderr.write(f"{len(self._series.kills)}: {self._series.kills[-1]}\n")
        return False

    def _find_cut(self) -> list[str]:
        """The lock files that a kill left unreadable."""
        return [
            path.relative_to(self._root).as_posix()
            for path in list_lock_files(self._root)
            if not is_whole(path)
        ]

    def _compare(self, result: RunResult) -> None:
        """Count what was begun, and what of it had been finished before."""
        series = self._series
        series.begun_stages += len(result.stages)
        series.repeated_stages += [name for name in result.stages if name in self._finished]
        self._finished |= {*result.stages[:-1], *list_finished(self._root)}
        latents = _list_latents(self._root)
        series.repeated_latents += [
            name for name, file in self._latents.items() if latents.get(name) != file
        ]
        self._latents = latents


def read_results(root: Path) -> dict[str, bytes]:
    """Every file that the stages wrote, by its path."""
    return {
        name: path.read_bytes()
        for folder in ("data", "reports")
        for path in sorted((root / folder).rglob("*"))
        if path.is_file()
        and ".part" not in path.name
        and not (name := path.relative_to(root).as_posix()).startswith(NO_RESULTS)
    }


def read_published(root: Path) -> list[tuple[str, str]]:
    """Content and kind of every complete run in MLflow's store."""
    with closing(sqlite3.connect(root / "mlflow.db")) as database:
        return database.execute(PUBLISHED).fetchall()


def list_finished(root: Path) -> set[str]:
    """The stages that DVC has recorded, as a run shows their names; none of a file that was cut."""
    names: set[str] = set()
    for path in list_lock_files(root):
        prefix = "" if path.parent == root else f"{path.parent.name}, "
        if is_whole(path):
            stages = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]
            names |= {f"{prefix}{stage}" for stage in stages}
    return names


def _list_latents(root: Path) -> dict[str, tuple[int, int]]:
    """The files of the latent cache; a file that is written again is another one."""
    return {
        str(path.relative_to(root)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in (root / LATENTS).rglob("*")
        if path.is_file() and "uses" not in path.parts and not path.name.startswith(".")
    }
