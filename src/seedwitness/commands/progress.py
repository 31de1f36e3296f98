"""One line for the whole of a run: which stage of how many, and how long the rest may take.

DVC tells what it does on its standard output, a line at a time. Lines about stages that did not
change are counted and not shown; what a stage itself prints is passed on.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

import yaml

from seedwitness.config.target_pipeline import NAME
from seedwitness.config.targets import FOLDER
from seedwitness.runtime.files import write_whole

DURATIONS = Path(".seedwitness/durations.json")
"""Seconds of each kind of stage in earlier runs here, the newest last; not in Git."""
REMEMBERED = 20

STARTED = re.compile(r"Running stage '(.+)':?$")
SKIPPED = re.compile(r"Stage '(.+)' (?:didn't change, skipping|is cached)")
SILENT = re.compile(r"'.+\.dvc' didn't change, skipping|> |Updating lock file|$")


class RunProgress:
    """The state of a run, fed with the lines that DVC prints."""

    def __init__(self, stages: Iterable[str], durations: Mapping[str, list[float]]) -> None:
        self._left = dict.fromkeys(stages)
        self._total = len(self._left)
        self._durations = defaultdict(list, {kind: list(each) for kind, each in durations.items()})
        self._current, self._since = "", monotonic()

    @property
    def durations(self) -> dict[str, list[float]]:
        """Seconds of each kind of stage, those of this run included."""
        return {kind: each[-REMEMBERED:] for kind, each in self._durations.items()}

    @property
    def current(self) -> str:
        """The address of the stage that runs; empty between two."""
        return self._current

    def feed(self, line: str) -> str | None:
        """Take in a line of DVC; gives the line itself if it is to be shown, and else None."""
        if started := STARTED.match(line):
            self._finish()
            self._current, self._since = started[1], monotonic()
            self._left.pop(started[1], None)
            return None
        if skipped := SKIPPED.match(line):
            self._finish()
            self._left.pop(skipped[1], None)
            return None
        return None if SILENT.match(line) else line

    @property
    def status(self) -> str:
        """One line: number and name of the stage, and the time that the rest may take."""
        number = self._total - len(self._left)
        name = self._current.removeprefix(f"{FOLDER}/").replace(f"/{NAME}:", ", ")
        left = self._estimate_seconds()
        rest = "" if left is None else f", at most {format_seconds(left)} left"
        return f"stage {number} of {self._total}: {name or 'looking for changes'}{rest}"

    def _finish(self) -> None:
        if self._current:
            self._durations[kind_of(self._current)].append(monotonic() - self._since)
            self._current = ""

    def _estimate_seconds(self) -> float | None:
        """Seconds for all stages that are left if each runs; None without earlier ones."""
        kinds = [kind_of(stage) for stage in [self._current, *self._left] if stage]
        known = {kind: median(self._durations[kind]) for kind in kinds if self._durations[kind]}
        return sum(known.get(kind, 0.0) for kind in kinds) if known else None


def kind_of(stage: str) -> str:
    """The kind of a stage by its address: ``search`` of ``…/dvc.yaml:search-lab-clean``."""
    return re.split(r"[-@]", stage.rpartition(":")[2])[0]


def format_seconds(seconds: float) -> str:
    """A duration in the unit that suits it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def list_stages(checkpoints: Iterable[str]) -> list[str]:
    """The addresses of all stages of the project in the working directory."""
    names: list[str] = []
    for name, stage in _read_stages(Path(NAME)).items():
        names += [f"{name}@{each}" for each in checkpoints] if "foreach" in stage else [name]
    for path in sorted(FOLDER.glob(f"*/{NAME}")):
        names += [f"{path.as_posix()}:{name}" for name in _read_stages(path)]
    return names


def read_durations() -> dict[str, list[float]]:
    """The durations of earlier runs; none if there were none."""
    if not DURATIONS.is_file():
        return {}
    content: dict[str, list[float]] = json.loads(DURATIONS.read_text(encoding="utf-8"))
    return content


def write_durations(durations: Mapping[str, list[float]]) -> None:
    """Keep the durations for the next run."""
    rounded = {kind: [round(each, 2) for each in values] for kind, values in durations.items()}
    write_whole(DURATIONS, json.dumps(rounded) + "\n")


def _read_stages(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")).get("stages", {}))
