"""Code: what every stage runs, by hash, so that a change of it reruns that stage and no other.

What a stage imports is read from the code itself. So nobody keeps a list that a new import could
make wrong, and nothing that was made by older code passes for new.
"""

from __future__ import annotations

import json
from pathlib import Path

from grimp import ImportGraph, build_graph

import seedwitness
from seedwitness import stages
from seedwitness.runtime.files import replace_whole, sha256_file
from seedwitness.stages import output_path

HOME = Path(seedwitness.__file__).parent

NO_INFLUENCE = tuple(
    f"{seedwitness.__name__}.{name}" for name in ("config", "errors", "records", "runtime")
)
"""Rooms that carry what is made and read elsewhere: a value that changes here is frozen in the
protocol or checked where it is read."""


def run() -> None:
    """Write ``data/code/STAGE.json`` for each stage: the files that it runs, with their SHA-256."""
    graph = build_graph(seedwitness.__name__, exclude_type_checking_imports=True, cache_dir=None)
    hashes = {path: sha256_file(path) for path in sorted(HOME.rglob("*")) if _is_source(path)}
    with replace_whole(output_path("code")) as part:
        part.mkdir()
        for stage in stages.stage_names():
            run_by = files(graph, f"{stages.__name__}.{stage}")
            text = {
                path.relative_to(HOME.parent).as_posix(): value
                for path, value in hashes.items()
                if (path if path.suffix == ".py" else _package(path)) in run_by
            }
            (part / f"{stage}.json").write_text(json.dumps(text, indent=1) + "\n")


def files(graph: ImportGraph, stage: str) -> set[Path]:
    """The Python files that module ``stage`` runs: its own, and what it imports, however far down.

    An import of ``a.b`` runs ``a`` too. The rooms of ``NO_INFLUENCE`` are left out, and what only
    they import.
    """
    found: set[str] = set()
    new = {stage}
    while new:
        found |= new
        imported = {name for each in new for name in graph.find_modules_directly_imported_by(each)}
        parents = {name.rpartition(".")[0] for name in imported} - {seedwitness.__name__, ""}
        new = {name for name in imported | parents if not _carries(name)} - found
    return {_file(name) for name in found}


def _carries(module: str) -> bool:
    return module == stages.__name__ or any(
        module == room or module.startswith(f"{room}.") for room in NO_INFLUENCE
    )


def _file(module: str) -> Path:
    path = HOME.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _package(path: Path) -> Path:
    """The ``__init__.py`` of the package that holds a file, in it or in a plain folder of it."""
    return next(
        folder / "__init__.py" for folder in path.parents if (folder / "__init__.py").exists()
    )


def _is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts
