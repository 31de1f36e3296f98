"""Calls `seedwitness compare` as a user does, and reads what it wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dvc.repo  # noqa: F401  # its log writes to what is the output when it is first imported
from typer.testing import CliRunner

from seedwitness.cli import app
from seedwitness.compare.documents import Comparison
from seedwitness.records.document import read_document
from seedwitness.runtime.hashes import sha256_file


@dataclass(frozen=True)
class Ran:
    """What a call of the command gave."""

    code: int
    stdout: str
    stderr: str
    out: Path

    @property
    def document(self) -> Comparison:
        assert self.code == 0, self.stderr
        return read_document(Comparison, self.out / "compare.json")

    @property
    def path(self) -> Path:
        return self.out / "index.html"

    @property
    def page(self) -> str:
        return self.path.read_text("utf-8")


Compare = Callable[..., Ran]


def call_compare(root: Path, *arguments: str, out: Path) -> Ran:
    """The command in ``root``; ``--out`` among the arguments replaces ``out``."""
    given = [] if "--out" in arguments else ["--out", str(out)]
    with chdir(root):
        result = CliRunner().invoke(app, ["compare", *arguments, *given])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr, out)


def edit(path: Path, change: Callable[[Any], object]) -> None:
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content))


def evidence(state: Path, target: str = "owl") -> Path:
    return state / "reports" / target / "evidence.json"


def change_plan(state: Path, change: Callable[[Any], object]) -> None:
    """Change the plan of the owl's report, and its hash in the evidence."""
    path = state / "reports/owl/plan.json"
    edit(path, change)
    edit(evidence(state), lambda document: document["plan"].update(sha256=sha256_file(path)))


def findings(state: Path, target: str, checkpoint: str) -> dict[str, Any]:
    cases = json.loads(evidence(state, target).read_bytes())["cases"]
    return {case["checkpoint"]: case for case in cases}[checkpoint]
