"""List what is published: the files of the pipeline, of each case and of the controls, by hash."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from seedwitness.config.params import Params
from seedwitness.config.reading import FILE_NAME, load_mapping, validate
from seedwitness.config.targets import list_targets
from seedwitness.config.verdicts import ControlSettings
from seedwitness.errors import RecordError
from seedwitness.records.corpus import CorpusRecord
from seedwitness.records.document import read_document
from seedwitness.records.tables import CONTROL_SCORES, read_table
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.code_graph import hash_code
from seedwitness.runtime.hashes import digest, sha256_file

DATA_FOLDER, REPORTS_FOLDER = Path("data"), Path("reports")
OVERVIEW = REPORTS_FOLDER / "index.html"
OVERVIEW_FILES = REPORTS_FOLDER / "index_files"
LOG = (DATA_FOLDER / "attempts", DATA_FOLDER / "outcomes")

TIMING_STAGE = "timings"
"""Folder of the search durations: published, but not hashed, because they differ each time."""

CASE_STAGES = ("search", "scan", "reach", "replay", "score", "judge")

ChildKind = Literal["case", "controls"]


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
class ChildFiles:
    """What one child run shows: a case, or the controls of a checkpoint, whose target is empty."""

    kind: ChildKind
    target: str
    checkpoint: str
    files: dict[str, Path]
    """By their published names."""
    hashes: dict[str, str]
    datasets: list[InputDataset] = field(default_factory=list)

    @property
    def name(self) -> str:
        """``TARGET/CHECKPOINT`` of a case; ``controls of CHECKPOINT``."""
        is_case = self.kind == "case"
        return f"{self.target}/{self.checkpoint}" if is_case else f"controls of {self.checkpoint}"

    @property
    def digest(self) -> str:
        """Digest of the files and of the display code; independent of time and machine."""
        return digest({"code": hash_display_code(), "run": self.name, "files": self.hashes})


@dataclass(frozen=True)
class PipelineState:
    """The state of the whole pipeline: parameters, child runs, inputs, reports and the log."""

    params: dict[str, Any]
    children: list[ChildFiles]
    datasets: list[InputDataset]
    files: dict[str, Path]
    hashes: dict[str, str]

    @property
    def digest(self) -> str:
        """Digest of all inputs and of the display code; the settings of MLflow are left out."""
        inputs = {key: value for key, value in self.params.items() if key != "tracking"}
        children = {child.name: child.digest for child in self.children}
        code = hash_display_code()
        return digest({"code": code, "params": inputs, "runs": children, "files": self.hashes})


def read_pipeline() -> PipelineState:
    """Read the files of every target and checkpoint. Raises RecordError if one is missing."""
    parameters = load_mapping(Path(FILE_NAME))
    settings = validate(Params, parameters, FILE_NAME)
    targets = {name: _describe_target(name) for name in list_targets()}
    corpus = _describe_corpus()
    controls = {name: _describe_controls(name, settings.controls) for name in settings.checkpoints}
    children = [
        _read_case(target, checkpoint, [dataset, corpus, controls[checkpoint]])
        for target, dataset in targets.items()
        for checkpoint in settings.checkpoints
    ]
    children += [_read_controls(name, [corpus, dataset]) for name, dataset in controls.items()]
    files = {FILE_NAME: Path(FILE_NAME)}
    for target in targets:
        files |= _list_files(REPORTS_FOLDER / target, f"reports/{target}")
    for path in (OVERVIEW, OVERVIEW.with_suffix(".csv")):
        if path.exists():
            files[path.as_posix()] = path
    if OVERVIEW_FILES.is_dir():
        files |= _list_files(OVERVIEW_FILES, OVERVIEW_FILES.as_posix())
    for folder in LOG:
        files |= _list_files(folder, folder.name) if folder.is_dir() else {}
    datasets = [*targets.values(), corpus, *controls.values()]
    hashes = {name: _hash_file(path) for name, path in files.items() if name != FILE_NAME}
    hashes |= {dataset.name: dataset.sha256 for dataset in datasets}
    return PipelineState(parameters, children, datasets, files, hashes)


def list_published_paths() -> list[Path]:
    """Every folder and file that ``read_pipeline`` may read, to see whether any has changed."""
    stages = ("controls", "index", "prepare", *CASE_STAGES)
    folders = [DATA_FOLDER / stage for stage in stages]
    # Not the whole folder of reports, in which comparisons are, too.
    reports = [REPORTS_FOLDER / path.name for path in sorted((DATA_FOLDER / "targets").glob("*"))]
    return [
        Path(FILE_NAME),
        DATA_FOLDER / "targets",
        *folders,
        *LOG,
        *reports,
        OVERVIEW,
        OVERVIEW_FILES,
    ]


def _read_case(target: str, checkpoint: str, datasets: list[InputDataset]) -> ChildFiles:
    """Read the files of one case, including those of subfolders."""
    files: dict[str, Path] = {}
    folders = {"prepare": DATA_FOLDER / "prepare" / target}
    folders |= {stage: DATA_FOLDER / stage / target / checkpoint for stage in CASE_STAGES}
    for stage, folder in folders.items():
        files |= _list_files(folder, stage)
    hashes = {name: _hash_file(path) for name, path in files.items()}
    files |= _list_files(DATA_FOLDER / TIMING_STAGE / target / checkpoint, TIMING_STAGE)
    return ChildFiles("case", target, checkpoint, files, hashes, datasets)


def _read_controls(checkpoint: str, datasets: list[InputDataset]) -> ChildFiles:
    files = _list_files(DATA_FOLDER / "controls" / checkpoint, "controls")
    hashes = {name: _hash_file(path) for name, path in files.items()}
    return ChildFiles("controls", "", checkpoint, files, hashes, datasets)


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
