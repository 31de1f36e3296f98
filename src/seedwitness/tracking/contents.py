"""List what is published: the files of the pipeline and of each case, with their hashes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedwitness.config.params import Params
from seedwitness.config.reading import FILE_NAME, load_mapping, validate
from seedwitness.config.verdicts import ControlSettings
from seedwitness.errors import RecordError
from seedwitness.records.corpus import CorpusRecord
from seedwitness.records.document import read_document
from seedwitness.records.tables import CONTROL_SCORES, read_table
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.code_graph import hash_code
from seedwitness.runtime.hashes import digest, sha256_file

if TYPE_CHECKING:
    pass

DATA_FOLDER, REPORTS_FOLDER = Path("data"), Path("reports")
OVERVIEW = REPORTS_FOLDER / "index.html"

TIMING_STAGE = "timings"
"""Folder of the search durations: published, but not hashed, because they differ each time."""

CASE_STAGES = ("search", "scan", "reach", "replay", "score", "judge")


def hash_display_code() -> str:
    """Hash the code that decides how files are shown, so that a change publishes them anew."""
    return hash_code("seedwitness.tracking.publishing")


@dataclass(frozen=True)
class InputDataset:
    """An input: its name, its use, its path, and the SHA-256 of its content."""

    name: str
    context: str
    path: str
    sha256: str
    profile: dict[str, Any]


@dataclass(frozen=True)
class CaseFiles:
    """One target against one checkpoint: its files by their published names."""

    target: str
    checkpoint: str
    files: dict[str, Path]
    hashes: dict[str, str]

    @property
    def name(self) -> str:
        """Name of the case: target and checkpoint."""
        return f"{self.target}/{self.checkpoint}"

    @property
    def digest(self) -> str:
        """Digest of the files and of the display code; independent of time and machine."""
        return digest({"code": hash_display_code(), "case": self.name, "files": self.hashes})


@dataclass(frozen=True)
class PipelineState:
    """The state of the whole pipeline: parameters, cases, inputs and reports."""

    params: dict[str, Any]
    cases: list[CaseFiles]
    datasets: dict[str, list[InputDataset]]
    """Datasets by the name of the case; those of the whole pipeline under the empty name."""
    files: dict[str, Path]
    hashes: dict[str, str]

    @property
    def digest(self) -> str:
        """Digest of all inputs and of the display code; the settings of MLflow are left out."""
        inputs = {key: value for key, value in self.params.items() if key != "tracking"}
        cases = {case.name: case.digest for case in self.cases}
        return digest(
            {
                "code": hash_display_code(),
                "params": inputs,
                "cases": cases,
                "files": self.hashes,
            }
        )


def read_pipeline() -> PipelineState:
    """Read the files of all that ``params.yaml`` names. Raises RecordError if one is missing."""
    parameters = load_mapping(Path(FILE_NAME))
    settings = validate(Params, parameters, FILE_NAME)
    files = {FILE_NAME: Path(FILE_NAME)}
    for target in settings.targets:
        files |= _list_files(REPORTS_FOLDER / target, f"reports/{target}")
    if OVERVIEW.exists():
        files[OVERVIEW.as_posix()] = OVERVIEW
    cases = [
        read_case(target, checkpoint)
        for target in settings.targets
        for checkpoint in settings.checkpoints
    ]
    shared_datasets = [
        _describe_corpus(),
        *(_describe_controls(name, settings.controls) for name in settings.checkpoints),
    ]
    by_name = {dataset.name: dataset for dataset in shared_datasets}
    target_datasets = {target: _describe_target(target) for target in settings.targets}
    datasets = {"": [*target_datasets.values(), *shared_datasets]}
    for case in cases:
        control_dataset = by_name[f"controls of {case.checkpoint}"]
        datasets[case.name] = [target_datasets[case.target], shared_datasets[0], control_dataset]
    hashes = {name: _hash_file(path) for name, path in files.items() if name != FILE_NAME}
    hashes |= {dataset.name: dataset.sha256 for dataset in shared_datasets}
    return PipelineState(parameters, cases, datasets, files, hashes)


def read_case(target: str, checkpoint: str) -> CaseFiles:
    """Read the files of one case, including those of subfolders."""
    files: dict[str, Path] = {}
    folders = {"prepare": DATA_FOLDER / "prepare" / target}
    folders |= {stage: DATA_FOLDER / stage / target / checkpoint for stage in CASE_STAGES}
    for stage, folder in folders.items():
        files |= _list_files(folder, stage)
    hashes = {name: _hash_file(path) for name, path in files.items()}
    files |= _list_files(DATA_FOLDER / TIMING_STAGE / target / checkpoint, TIMING_STAGE)
    return CaseFiles(target, checkpoint, files, hashes)


def _describe_target(name: str) -> InputDataset:
    folder = DATA_FOLDER / "prepare" / name
    record = read_document(TargetRecord, folder / "target.json")
    profile = {
        "file_sha256": record.file_sha256,
        "pixels_sha256": record.pixels_sha256,
        "width": record.width,
        "height": record.height,
    }
    image = folder / "image.png"
    return InputDataset(f"target {name}", "target", image.as_posix(), record.pixels_sha256, profile)


def _describe_corpus() -> InputDataset:
    path = DATA_FOLDER / "index" / "corpus.json"
    record = read_document(CorpusRecord, path)
    profile = {"rows": record.rows, "sha256": record.sha256, "source": record.source}
    return InputDataset("corpus", "corpus", path.as_posix(), record.sha256, profile)


def _describe_controls(checkpoint: str, settings: ControlSettings) -> InputDataset:
    path = DATA_FOLDER / "controls" / checkpoint / "controls.parquet"
    table = read_table(path, CONTROL_SCORES)
    sha256 = _hash_file(path)
    count = int(table["control"].nunique())
    profile = {"controls": count, "sha256": sha256, "source": settings.source}
    name = f"controls of {checkpoint}"
    return InputDataset(name, "controls", path.as_posix(), sha256, profile)


def _list_files(folder: Path, name: str) -> dict[str, Path]:
    """List the files of a folder and of its subfolders, under ``name``."""
    if not folder.is_dir():
        raise RecordError(f"{folder} is missing. `dvc repro` runs the stage that writes it.")
    return {
        f"{name}/{path.relative_to(folder).as_posix()}": path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def _hash_file(path: Path) -> str:
    if not path.is_file():
        raise RecordError(f"{path} is missing. `dvc repro` runs the stage that writes it.")
    return sha256_file(path)
