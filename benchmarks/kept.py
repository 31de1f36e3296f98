"""What benches have reckoned, on the disk, found again by everything that it came from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import grimp
from reckoned import Value

import seedwitness
from seedwitness.detectors import DETECTORS
from seedwitness.records.recipe import digest
from seedwitness.runtime.files import sha256_file, write_whole
from seedwitness.stages.code import HOME, NO_INFLUENCE

RECOVERED, CANDIDATES, SCORED = "recovered", "candidates", "scores"
"""The prompt of a picture, all prompts to try for it, and the scores of what they gave."""


class Kept:
    """Rows by unit, picture and prompt; ``about`` is what else they hang on: weights, settings.

    The code that a unit runs is reckoned in, so that nothing that other code made is taken for new.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        self.folder, self._about = folder, dict(about)

    def rows(
        self, unit: str, pixels_sha256: str, prompt: str, reckon: Callable[[], list[Value]]
    ) -> list[Value]:
        """What is there, or what ``reckon`` gives, which then is."""
        path = self.place(unit, pixels_sha256, prompt)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(reckon()))
        found: list[Value] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def place(self, unit: str, pixels_sha256: str, prompt: str) -> Path:
        """The file of one unit, picture and prompt."""
        own = {**self._about, "code": _code(unit), "pixels": pixels_sha256, "prompt": prompt}
        return self.folder / unit / f"{digest(own)[:24]}.json"


@cache
def _code(unit: str) -> dict[str, str]:
    """The files that a unit runs, with their hashes: its own, and all that they import."""
    files = set()
    if unit in DETECTORS:
        roots = {DETECTORS[unit].statistic.__module__}
    elif unit == RECOVERED:
        roots = {"seedwitness.prompts.asking", "seedwitness.prompts.phrases"}
    elif unit == CANDIDATES:
        roots = {"seedwitness.prompts.asking"}
    elif unit == SCORED:
        roots = {"seedwitness.search.trial_scores"}
    else:
        roots = {f"seedwitness.{name}" for name in ("detectors.clique", "metrics.descriptor")}
        files.add(Path(__file__).with_name("reckoned.py"))
    graph = _graph()
    run = roots | {each for root in roots for each in graph.find_upstream_modules(root)}
    for name in run:
        path = HOME.parent.joinpath(*name.split("."))
        if not any(name == room or name.startswith(f"{room}.") for room in NO_INFLUENCE):
            files.add(path / "__init__.py" if path.is_dir() else path.with_suffix(".py"))
    return {
        each.relative_to(HOME).as_posix() if each.is_relative_to(HOME) else each.name: sha256_file(
            each
        )
        for each in sorted(files)
    }


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(
        seedwitness.__name__, exclude_type_checking_imports=True, cache_dir=None
    )
