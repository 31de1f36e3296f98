"""What is published: the files of the pipeline and of each case, by their hashes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedwitness.config.params import Params
from seedwitness.config.reading import FILE_NAME, load_mapping, validate
from seedwitness.config.verdicts import ControlSettings
from seedwitness.errors import RecordError
from seedwitness.records.corpus import CorpusRecord
from seedwitness.records.document import read_document
from seedwitness.records.findings import CaseFindings
from seedwitness.records.recipe import digest
from seedwitness.records.search import SearchSummary
from seedwitness.records.tables import CONTROL_SCORES, SCORES, TRIALS, read_table
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.files import sha256_file

if TYPE_CHECKING:
    import pandas as pd

DATA, REPORTS = Path("data"), Path("reports")
OVERVIEW = REPORTS / "index.html"

FORM = 1
"""Counts up when the same files are to be shown in another way: then all is published anew."""

VARYING = "seconds"
"""The folder that says how long a search took: shown, but no content, for it differs each time."""

CASE_STAGES = ("search", "scan", "reach", "replay", "score", "judge")
# What `score` wrote of the recipes on the checkpoint itself, and on the reference.
TABLES = {"": "scores.parquet", "reference/": "reference.parquet"}
# Columns of a recipe that are parameters of a case where all its trials agree in them.
SETTINGS = ["sampler", "steps", "guidance", "negative_prompt", "eta", "rng", "dtype"]
SETTINGS += ["width", "height"]
REPLAYED = ("noise_sha256", "latent_sha256", "shard", "row")


@dataclass(frozen=True)
class Dataset:
    """An input by its name, what it is used for, and the SHA-256 of what is in it."""

    name: str
    context: str
    place: str
    sha256: str
    profile: dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One target against one checkpoint: its files by the names that they are published under."""

    target: str
    checkpoint: str
    files: dict[str, Path]
    hashes: dict[str, str]

    @property
    def name(self) -> str:
        """Target and checkpoint."""
        return f"{self.target}/{self.checkpoint}"

    @property
    def content(self) -> str:
        """Digest of its files and nothing else, so that no clock or machine is in it."""
        return digest({"form": FORM, "case": self.name, "files": self.hashes})


@dataclass(frozen=True)
class Pipeline:
    """The state of the whole: parameters, cases, inputs and reports."""

    params: dict[str, Any]
    cases: list[Case]
    datasets: dict[str, list[Dataset]]
    """By the name of a case; those of the whole under the empty name."""
    files: dict[str, Path]
    hashes: dict[str, str]

    @property
    def content(self) -> str:
        """Digest of all inputs; where MLflow keeps its view is none of them."""
        inputs = {key: value for key, value in self.params.items() if key != "tracking"}
        cases = {case.name: case.content for case in self.cases}
        return digest({"form": FORM, "params": inputs, "cases": cases, "files": self.hashes})


def pipeline() -> Pipeline:
    """All that ``params.yaml`` names, from the files. Raises RecordError where one is missing."""
    parameters = load_mapping(Path(FILE_NAME))
    settings = validate(Params, parameters, FILE_NAME)
    files = {FILE_NAME: Path(FILE_NAME)}
    for target in settings.targets:
        files |= _within(REPORTS / target, f"reports/{target}")
    if OVERVIEW.exists():
        files[OVERVIEW.as_posix()] = OVERVIEW
    cases = [case(t, c) for t in settings.targets for c in settings.checkpoints]
    shared = [_corpus(), *(_controls(c, settings.controls) for c in settings.checkpoints)]
    by_checkpoint = {each.name: each for each in shared}
    pictures = {target: _target(target) for target in settings.targets}
    datasets = {"": [*pictures.values(), *shared]}
    for each in cases:
        own = by_checkpoint[f"controls of {each.checkpoint}"]
        datasets[each.name] = [pictures[each.target], shared[0], own]
    hashes = {name: _hash(path) for name, path in files.items() if name != FILE_NAME}
    hashes |= {each.name: each.sha256 for each in shared}
    return Pipeline(parameters, cases, datasets, files, hashes)


def case(target: str, checkpoint: str) -> Case:
    """The files of one case, those of subfolders too."""
    files: dict[str, Path] = {}
    folders = {"prepare": DATA / "prepare" / target}
    folders |= {stage: DATA / stage / target / checkpoint for stage in CASE_STAGES}
    for stage, folder in folders.items():
        files |= _within(folder, stage)
    hashes = {name: _hash(path) for name, path in files.items()}
    files |= _within(DATA / VARYING / target / checkpoint, VARYING)
    return Case(target, checkpoint, files, hashes)


def trials(case: Case) -> pd.DataFrame:
    """Trials × scores: a row a trial in the order of the search, a column a score.

    Scores by the reference checkpoint stand in ``reference/METRIC``, hashes of its noise and latent
    in ``reference/noise_sha256`` and so on. Raises RecordError where a trial or a score is there
    twice, or is one of no trial.
    """
    folder = {stage: DATA / stage / case.target / case.checkpoint for stage in CASE_STAGES}
    table = read_table(folder["search"] / "trials.parquet", TRIALS)
    _once(table["trial"], folder["search"] / "trials.parquet")
    for prefix, name in TABLES.items():
        path = folder["score"] / name
        scores = read_table(path, SCORES)
        _among(scores["trial"], table["trial"], path)
        for metric, part in scores.groupby("metric", sort=False):
            _once(part["trial"], path)
            table[f"{prefix}{metric}"] = table["trial"].map(part.set_index("trial")["score"])
    replayed = folder["replay"] / "trials.parquet"
    again = read_table(replayed, TRIALS).set_index("trial")
    _once(again.index, replayed)
    _among(again.index, table["trial"], replayed)
    for name in REPLAYED:
        table[f"reference/{name}"] = table["trial"].map(again[name])
    return table


def scored(table: pd.DataFrame) -> dict[str, list[tuple[int, float]]]:
    """Each score of a case as (number of the trial, value); a trial without one is not there.

    What the search was guided by is in the table, and not here.
    """
    left = {f"reference/{name}" for name in REPLAYED} | set(TRIALS)
    found: dict[str, list[tuple[int, float]]] = {}
    for name in table.columns:
        if name not in left:
            present = table[name].dropna()
            found[name] = list(zip(present.index.tolist(), present.tolist(), strict=True))
    return found


def parameters(case: Case, table: pd.DataFrame) -> dict[str, str]:
    """What was searched, how, and by which metrics it was scored, from the case's own files."""
    import pandas as pd

    folder = DATA / "search" / case.target / case.checkpoint
    search = read_document(SearchSummary, folder / "search.json").model_dump()
    found = {f"search.{key}": value for key, value in search.items()}
    for name in SETTINGS:
        values = table[name].unique().tolist()
        if len(values) == 1:
            found[f"recipe.{name}"] = values[0]
    path = DATA / "score" / case.target / case.checkpoint / TABLES[""]
    for row in read_table(path, SCORES).drop_duplicates("metric").itertuples():
        for key in ("version", "label", "weights_sha256", "higher_is_closer"):
            value = getattr(row, key)
            found[f"metric.{row.metric}.{key}"] = "" if pd.isna(value) else value
    return {key: text(value) for key, value in found.items()}


def figures(case: Case) -> tuple[dict[str, str], dict[str, float]]:
    """What was concluded: words, and the figures that led to them."""
    path = DATA / "judge" / case.target / case.checkpoint / "finding.json"
    found = read_document(CaseFindings, path)
    words = {"memorised": found.memorised.finding, "generated": found.generated.finding}
    numbers = {
        "finding/statistic": found.memorised.statistic.value,
        "finding/p": found.memorised.rank.p,
        "finding/p_family": found.memorised.rank.p_family,
        "finding/copies": float(found.memorised.copies.rate.hits),
    }
    return dict(words), numbers


def flat(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Settings in settings as ``a.b.c`` and text."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flat(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, text(value)


def text(value: object) -> str:
    """Text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def as_json(table: pd.DataFrame) -> str:
    """A table as MLflow shows it (pandas' orient "split"), every float to its last digit.

    A missing one is null.
    """
    plain = table.astype(object).where(table.notna(), None)
    columns = [plain[name].tolist() for name in table.columns]
    rows = list(zip(*columns, strict=True))
    return json.dumps({"columns": list(table.columns), "data": rows}, ensure_ascii=False)


def _target(name: str) -> Dataset:
    path = DATA / "prepare" / name
    shown = read_document(TargetRecord, path / "target.json")
    profile = {
        "file_sha256": shown.file_sha256,
        "pixels_sha256": shown.pixels_sha256,
        "width": shown.width,
        "height": shown.height,
    }
    image = path / "image.png"
    return Dataset(f"target {name}", "target", image.as_posix(), shown.pixels_sha256, profile)


def _corpus() -> Dataset:
    path = DATA / "index" / "corpus.json"
    shown = read_document(CorpusRecord, path)
    profile = {"rows": shown.rows, "sha256": shown.sha256, "source": shown.source}
    return Dataset("corpus", "corpus", path.as_posix(), shown.sha256, profile)


def _controls(checkpoint: str, settings: ControlSettings) -> Dataset:
    path = DATA / "controls" / checkpoint / "controls.parquet"
    table = read_table(path, CONTROL_SCORES)
    sha256 = _hash(path)
    count = int(table["control"].nunique())
    profile = {"controls": count, "sha256": sha256, "source": settings.source}
    name = f"controls of {checkpoint}"
    return Dataset(name, "controls", path.as_posix(), sha256, profile)


def _within(folder: Path, name: str) -> dict[str, Path]:
    """The files of a folder and of its subfolders, under ``name``."""
    if not folder.is_dir():
        raise RecordError(f"{folder} is missing. `dvc repro` runs the stage that writes it.")
    return {
        f"{name}/{path.relative_to(folder).as_posix()}": path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def _hash(path: Path) -> str:
    if not path.is_file():
        raise RecordError(f"{path} is missing. `dvc repro` runs the stage that writes it.")
    return sha256_file(path)


def _once(names: Any, path: Path) -> None:
    twice = names[names.duplicated()]
    if len(twice):
        raise RecordError(
            f"{path} holds the trial {twice.tolist()[0]} twice. Run its stage again: "
            "`dvc repro -s -f STAGE`."
        )


def _among(names: Any, known: Any, path: Path) -> None:
    strange = set(names) - set(known)
    if strange:
        raise RecordError(
            f"{path} holds {min(strange)}, which is no trial of the search. Run `dvc repro`."
        )
