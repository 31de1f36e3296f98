"""One side of a comparison: its evidence, its settings and code, and what could not be read."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from seedwitness.compare.documents import MissingFiles, SideKind
from seedwitness.compare.files import EVIDENCE, REPORTS, Files
from seedwitness.config.reading import FILE_NAME
from seedwitness.config.stage_settings import CODE
from seedwitness.errors import RecordError
from seedwitness.report.evidence import CaseEvidence, Evidence
from seedwitness.report.evidence_file import parse_evidence

PLAN = "data/plan"


@dataclass(frozen=True)
class Side:
    """A side with the evidence of its targets; ``checkpoint`` is the one that it is limited to."""

    name: str
    kind: SideKind
    place: str
    files: Files
    evidence: Mapping[str, Evidence]
    checkpoint: str | None = None
    missing: dict[str, None] = field(default_factory=dict)
    """The paths of files that were wanted and could not be read, in order."""

    def cases(self, target: str) -> dict[str, CaseEvidence]:
        """The cases of a target by checkpoint; none where it has no report."""
        evidence = self.evidence.get(target)
        return {
            case.checkpoint: case
            for case in (evidence.cases if evidence else [])
            if self.checkpoint in (None, case.checkpoint)
        }

    def read(self, path: str) -> bytes | None:
        """A file; one that cannot be read is noted in ``missing``."""
        content = self.files.read(path)
        if content is None:
            self.missing[path] = None
        return content

    def read_params(self) -> dict[str, Any] | None:
        """``params.yaml`` as plain values; None where it is missing.

        Raises RecordError where it cannot be read as YAML.
        """
        content = self.read(FILE_NAME)
        if content is None:
            return None
        try:
            return dict(yaml.safe_load(content))
        except (yaml.YAMLError, TypeError, ValueError) as error:
            message = " ".join(str(error).split())
            raise RecordError(f"{FILE_NAME} of {self.name} cannot be read: {message}") from error

    def read_plan(self, target: str) -> dict[str, Any] | None:
        """The analysis plan that lies beside a report; None where it is missing.

        Raises RecordError where it is not the one that the evidence names.
        """
        path = f"{REPORTS}/{target}/plan.json"
        content = self.read(path)
        if content is None:
            return None
        if sha256(content).hexdigest() != self.evidence[target].plan.sha256:
            raise RecordError(
                f"{path} of {self.name} is not the plan that the evidence beside it names: one of "
                "the two was altered. Restore the report from where it was made."
            )
        return dict(json.loads(content))

    def read_code(self) -> dict[str, dict[str, str]]:
        """The hashes of the code that each stage runs, by stage and file; empty if missing."""
        names = [name for name in self.files.list_names(PLAN) if name != "plan.json"]
        if not names:
            self.missing[PLAN] = None
        contents = {name: self.read(f"{PLAN}/{name}") for name in names}
        return {
            name.removesuffix(".json"): json.loads(content).get(CODE, {})
            for name, content in contents.items()
            if content is not None
        }

    def read_columns(self, path: str, columns: Sequence[str]) -> dict[str, list[Any]] | None:
        """Some columns of a table by name; None where the file is missing.

        Raises RecordError where it is no table, or has not all of the columns.
        """
        from pyarrow import ArrowException
        from pyarrow.parquet import read_table

        content = self.read(path)
        if content is None:
            return None
        try:
            table = read_table(io.BytesIO(content), columns=list(columns))
            return {name: table[name].to_pylist() for name in columns}
        except (ArrowException, OSError, KeyError) as error:
            message = " ".join(str(error).split())
            raise RecordError(
                f"{path} of {self.name} was written by another version, or is damaged: {message}. "
                "Run its stage again there: `dvc repro -s -f STAGE`."
            ) from error

    def list_missing(self) -> list[MissingFiles]:
        """The files that could not be read, by the folder of their stage."""
        folders: dict[str, list[str]] = {}
        for path in self.missing:
            folders.setdefault(_name_folder(path), []).append(path)
        return [
            MissingFiles(
                side=self.name,
                folder=folder,
                paths=paths,
                remedy=self.files.explain_missing(paths[0]),
            )
            for folder, paths in folders.items()
        ]


def read_evidence(name: str, files: Files) -> tuple[dict[str, Evidence], list[str]]:
    """The evidence of every target of a side, and the paths of evidence that could not be read.

    Raises RecordError where the side has no report that can be read, or one of another version.
    """
    targets = files.list_reports()
    if not targets:
        raise RecordError(
            f"{name} has no reports: there is no {REPORTS}/TARGET/{EVIDENCE}. `seedwitness run` "
            "makes them, in the state that is to be compared."
        )
    evidence, missing = {}, []
    for target in targets:
        path = f"{REPORTS}/{target}/{EVIDENCE}"
        content = files.read(path)
        if content is None:
            missing.append(path)
        else:
            evidence[target] = _parse_evidence(content, path, name)
    if not evidence:
        raise RecordError(
            f"None of the {len(targets)} reports of {name} can be read: they are not cached here, "
            f"or were never made. {files.explain_missing(missing[0])}"
        )
    return evidence, missing


def _name_folder(path: str) -> str:
    """``data/STAGE`` of a stage's file, ``reports`` of a report's, else the path itself."""
    parts = path.split("/")
    return "/".join(parts[: 2 if parts[0] == "data" else 1])


def _parse_evidence(content: bytes, path: str, name: str) -> Evidence:
    try:
        return parse_evidence(content, Path(f"{path} of {name}"))
    except RecordError as error:
        raise RecordError(
            f"{error} Or compare with the version of seedwitness that made the reports of {name}."
        ) from error
