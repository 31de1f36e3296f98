"""Hashes the code that a module runs, which is found from the imports in the source.

Stages and caches depend on these hashes. So there is no list of files that a new import could make
wrong, and results of older code are not used. Comments and docstrings do not count, so correcting a
comment reruns nothing.
"""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from grimp import ImportGraph, build_graph

PACKAGE, LAB = "seedwitness", "seedlab"

_LAYOUT_TOKENS = {
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
}


def hash_code(*modules: str) -> str:
    """SHA-256 of the code of ``modules`` and of everything that they import, in hexadecimal.

    Modules are named as in ``import``: ``hash_code("seedwitness.engine.executor")``. Only packages
    of this project are followed; a key should hold the versions of other packages as well.
    """
    digest = sha256()
    for path, value in code_files(*modules).items():
        digest.update(f"{path}\0{value}\n".encode())
    return digest.hexdigest()


@cache
def code_files(*modules: str) -> dict[str, str]:
    """The files that ``modules`` run, relative to the folder of the packages, each with its hash.

    These are the modules, their direct and indirect imports, and the other files (templates) of a
    package whose ``__init__`` is among them. Raises ValueError for a module that does not exist.
    """
    graph = _graph(any(name.partition(".")[0] == LAB for name in modules))
    if unknown := [name for name in modules if name not in graph.modules]:
        raise ValueError(f"there is no module {unknown[0]}")
    names = _with_imports(graph, set(modules))
    paths = {path for name in names for path in _list_files(name, graph)}
    root = _folder(PACKAGE).parent
    return {
        (path.relative_to(root) if path.is_relative_to(root) else path).as_posix(): hash_source(
            path
        )
        for path in sorted(paths)
    }


@cache
def hash_source(path: Path) -> str:
    """SHA-256 of a file: of a Python file without comments and docstrings, else of its bytes."""
    if path.suffix != ".py":
        return sha256(path.read_bytes()).hexdigest()
    return sha256(strip_prose(path.read_text(encoding="utf-8")).encode()).hexdigest()


def strip_prose(source: str) -> str:
    """Python source without comments, docstrings and blank lines.

    A docstring is a string that is a statement of its own, wherever it stands.
    """
    lines = source.splitlines()
    for start, end in reversed(list(_iter_prose(source))):
        (first, left), (last, right) = start, end
        lines[first - 1 : last] = [lines[first - 1][:left] + lines[last - 1][right:]]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _iter_prose(source: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Begin and end of each comment and docstring, as (line, column), in order."""
    before = tokenize.NEWLINE  # the type of the last token that is not a comment
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    for token, after in pairwise(tokens):
        if token.type == tokenize.COMMENT:
            yield token.start, token.end
            continue
        ends = after.type in (tokenize.NEWLINE, tokenize.COMMENT)
        if token.type == tokenize.STRING and before in _LAYOUT_TOKENS and ends:
            yield token.start, token.end
        before = token.type


def _with_imports(graph: ImportGraph, modules: set[str]) -> set[str]:
    """``modules`` and their direct and indirect imports; importing ``a.b`` runs ``a`` too."""
    names: set[str] = set()
    new = {name for module in modules for name in _with_parents(module)}
    while new:
        names |= new
        imported = {
            name for module in new for name in graph.find_modules_directly_imported_by(module)
        }
        new = {name for module in imported for name in _with_parents(module)} - names
    return names


def _with_parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[: length + 1]) for length in range(len(parts))]


def _list_files(module: str, graph: ImportGraph) -> list[Path]:
    """The Python file of a module; for a package also its other files, without nested packages."""
    path = _folder(module.partition(".")[0]).joinpath(*module.split(".")[1:])
    if not path.is_dir():
        return [path.with_suffix(".py")]
    others = [
        file
        for file in path.rglob("*")
        if file.is_file()
        and file.suffix != ".py"
        and "__pycache__" not in file.parts
        and not any((parent / "__init__.py").exists() for parent in _list_parents(file, path))
    ]
    return [path / "__init__.py", *(others if "." in module else [])]


def _list_parents(path: Path, folder: Path) -> list[Path]:
    """The parent folders of ``path`` below ``folder``."""
    return [parent for parent in path.parents if parent != folder and folder in parent.parents]


@cache
def _graph(with_lab: bool) -> ImportGraph:
    names = [PACKAGE, LAB] if with_lab else [PACKAGE]
    first, *others = names
    return build_graph(first, *others, exclude_type_checking_imports=True, cache_dir=None)


@cache
def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ValueError(f"there is no package {package}")
    return Path(spec.origin).parent
