"""Every figure of a report once more, from the tables of a bundle, by the code that made them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from seedwitness.bundle.container import Bundle, read_file
from seedwitness.bundle.record import BundleRecord
from seedwitness.bundle.safe_documents import require_modest_table
from seedwitness.bundle.trial_tables import make_tables
from seedwitness.config.stage_settings import (
    ExposeStage,
    JudgeStage,
    ReportStage,
    load_stage_settings,
)
from seedwitness.config.targets import FOLDER as TARGETS
from seedwitness.records.attempts import Outcome
from seedwitness.records.case_sheet import NAME as SHEET
from seedwitness.records.case_sheet import read_case_sheet
from seedwitness.records.document import read_document
from seedwitness.records.exposure import ExposedFindings
from seedwitness.records.findings import CaseFindings
from seedwitness.report.building import build_evidence
from seedwitness.report.evidence import Evidence
from seedwitness.report.provenance import describe_environment
from seedwitness.report.report_folder import write_report
from seedwitness.report.sources import TargetSource, read_target_source
from seedwitness.report.trial_tables import render_tables
from seedwitness.verdict.case_files import read_case
from seedwitness.verdict.exposed import judge_exposed
from seedwitness.verdict.exposure_data import read_exposure
from seedwitness.verdict.judgement import judge_cases
from seedwitness.verdict.work_counts import count_case_work

READ = ("data/", "params.yaml")
SHOWN = 5
Difference = tuple[str, Any, Any]


@contextmanager
def lay_out(bundle: Bundle, record: BundleRecord) -> Iterator[Path]:
    """A temporary folder with the stages' files, as the stages' readers expect them.

    A file that was left out is empty there, so that its name is known. The names were checked when
    the bundle was opened. Raises BundleError if a table would fill the memory.
    """
    with TemporaryDirectory(prefix="seedwitness-") as name:
        root = Path(name)
        for path in sorted(bundle.sizes):
            if path.startswith(READ):
                if path.endswith(".parquet"):
                    require_modest_table(bundle, path)
                _write(root / path, read_file(bundle, path))
        for left in record.left_out:
            if left.path.startswith(READ) and left.path not in bundle.sizes:
                _write(root / left.path, b"")
        yield root


def recompute_findings(root: Path, target: str) -> dict[str, list[Difference]]:
    """What differs in each ``finding.json``, and in the outcome, from what the tables give."""
    settings = load_stage_settings("judge", JudgeStage, root)
    data = root / "data"
    cases = [read_case(data, target, name, settings) for name in settings.checkpoints]
    differences: dict[str, list[Difference]] = {}
    found = judge_cases(cases, settings.judge)
    for each in found:
        place = f"data/judge/{target}/{each.checkpoint}/finding.json"
        stated = read_document(CaseFindings, root / place)
        differences[place] = compare_values(stated.model_dump(), each.model_dump())
    place = f"data/judge/{target}/outcome.json"
    outcome = read_document(Outcome, root / place)
    expected = outcome.model_copy(
        update={
            "memorised": {each.checkpoint: each.memorised.finding for each in found},
            "generated": {each.checkpoint: each.generated.finding for each in found},
            "work": [row for case in cases for row in count_case_work(case)],
        }
    )
    differences[place] = compare_values(outcome.model_dump(), expected.model_dump())
    return differences | _recompute_exposed(root, target)


def _recompute_exposed(root: Path, target: str) -> dict[str, list[Difference]]:
    """What differs in ``exposed.json`` from what the losses give; nothing where it is off."""
    path = root / "data" / "expose" / target / "exposed.json"
    if not path.is_file():
        return {}
    settings = load_stage_settings("expose", ExposeStage, root)
    found = ExposedFindings(
        target=target, cases=judge_exposed(read_exposure(root / "data", target, settings), settings)
    )
    stated = read_document(ExposedFindings, path)
    place = path.relative_to(root).as_posix()
    return {place: compare_values(stated.model_dump(), found.model_dump())}


def recompute_tables(root: Path, target: str, checkpoints: Sequence[str]) -> dict[str, bytes]:
    """The CSV files as they follow from the stages' tables."""
    return make_tables(root / "data", target, checkpoints)


def read_source(root: Path, target: str) -> TargetSource:
    """What the stages wrote of a target, as the report is built from it."""
    return read_target_source(root / "data", target)


def recompute_evidence(
    root: Path, source: TargetSource, stated: Evidence, record: BundleRecord
) -> list[Difference]:
    """What differs in ``evidence.json`` from what follows from the stages' files.

    The environment is not compared: it is that of the machine that wrote the report. Hashes of
    files that were left out are those that the bundle's record lists. Whether a match shows the
    target is taken from the report where the picture of the match was left out.
    """
    left_out = {each.path: each.sha256 for each in record.left_out}
    shown = {
        rank: path
        for rank, path in source.match_images.items()
        if path.relative_to(root).as_posix() not in left_out
    }
    tables = {case.case.checkpoint: render_tables(case) for case in source.cases}
    settings = load_stage_settings("report", ReportStage, root)
    built = build_evidence(replace(source, match_images=shown), settings, tables)
    matches = [
        match
        if stated_match.image is None or str(match.rank) in shown
        else match.model_copy(
            update={"image": stated_match.image, "is_target": stated_match.is_target}
        )
        for match, stated_match in zip(built.matches, stated.matches, strict=False)
    ]
    built = built.model_copy(update={"matches": matches})
    images = {
        name: left_out.get(f"reports/{record.target}/{name}")
        for case in built.cases
        for name in (
            *(cited.image for cited in case.cited),
            *([case.recovered.image] if case.recovered else []),
        )
        if name
    }
    found = _restore_hashes(built.model_dump(), left_out, images)
    expected = stated.model_dump()
    for document in (found, expected):
        document.pop("environment")
    return compare_values(expected, found)


def _restore_hashes(value: Any, left_out: dict[str, str], images: dict[str, str | None]) -> Any:
    """The document with the recorded hashes of files that are empty here."""
    if isinstance(value, list):
        return [_restore_hashes(each, left_out, images) for each in value]
    if not isinstance(value, dict):
        return value
    value = {key: _restore_hashes(each, left_out, images) for key, each in value.items()}
    if value.get("path") in left_out and "sha256" in value:
        value["sha256"] = left_out[value["path"]]
    if images.get(str(value.get("image"))) and "image_sha256" in value:
        value["image_sha256"] = images[str(value["image"])]
    return value


def recompute_page(
    root: Path, source: TargetSource, stated: Evidence, bundle: Bundle, target: str
) -> list[str] | None:
    """The files of ``reports/TARGET`` that are not what is written again; None if not comparable.

    They are comparable where the versions of all libraries are those that the report names. The
    commit of Git is taken from the report, because a bundle is no repository.
    """
    here, environment = describe_environment(source.code), stated.environment
    commit = {"revision": environment.revision, "is_modified": environment.is_modified}
    if here.model_copy(update=commit) != environment:
        return None
    folder = root / "reports" / target
    sheet = read_case_sheet(root / TARGETS / target / SHEET)
    settings = load_stage_settings("report", ReportStage, root)
    write_report(source, settings, folder, sheet, environment)
    prefix = f"reports/{target}/"
    written = {
        prefix + path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file()
    }
    given = {name for name in bundle.sizes if name.startswith(prefix)}
    return sorted(
        name
        for name in given | set(written)
        if name not in given
        or name not in written
        or written[name].read_bytes() != read_file(bundle, name)
    )


def compare_values(stated: Any, found: Any, place: str = "") -> list[Difference]:
    """The places where two plain values differ, with both; numbers have to be equal to the bit."""
    if isinstance(stated, dict) and isinstance(found, dict):
        return [
            difference
            for key in {**stated, **found}
            for difference in compare_values(
                stated.get(key), found.get(key), f"{place}.{key}" if place else str(key)
            )
        ]
    if isinstance(stated, list) and isinstance(found, list) and len(stated) == len(found):
        return [
            difference
            for number, (one, other) in enumerate(zip(stated, found, strict=True))
            for difference in compare_values(one, other, f"{place}[{number}]")
        ]
    is_nan = stated != stated and found != found  # NaN is no number and equals none
    return [] if stated == found or is_nan else [(place, stated, found)]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
